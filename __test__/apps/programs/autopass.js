// Autopass: passwords that several members keep, on Autobase; blind-pairing lets a member in.

const Autopass = require('autopass')
const Corestore = require('corestore')
const serve = require('../../helpers/role')

let pass = null

serve({
  /** The first member; resolves with an invitation for another. */
  async create({ bootstrap, folder }) {
    pass = new Autopass(new Corestore(folder), { bootstrap })
    await pass.ready()
    return pass.createInvite()
  },

  /** Resolves when the holder of the invitation is a member that may write. */
  async join({ bootstrap, folder, invite }) {
    pass = await Autopass.pair(new Corestore(folder), invite, { bootstrap }).finished()
    await pass.ready()
  },

  async add({ key, value }) {
    await pass.add(key, value)
  },

  /** Resolves with the value of a key, once this member has it. */
  async get({ key }) {
    for (;;) {
      const updated = new Promise(resolve => pass.once('update', resolve))
      const record = await pass.get(key)
      if (record) return record.value
      await updated
    }
  },

  async destroy() {
    await pass.close()
  }
})
