// A Corestore whose cores are replicated over Hyperswarm.

const b4a = require('b4a')
const Corestore = require('corestore')
const Hyperswarm = require('hyperswarm')
const { crypto } = require('../../helpers/runtime')
const serve = require('../../helpers/role')

let store = null
let swarm = null

serve({
  start({ bootstrap, folder }) {
    store = new Corestore(folder)
    swarm = new Hyperswarm({ bootstrap })
    swarm.on('connection', conn => {
      conn.on('error', noop)
      store.replicate(conn)
    })
  },

  /** Appends `blocks` random blocks to a new core, and announces it. */
  async write({ blocks }) {
    const core = store.get({ name: 'blocks' })
    await core.ready()
    while (core.length < blocks) {
      const count = Math.min(BATCH, blocks - core.length)
      await core.append(Array.from({ length: count }, () => crypto.randomBytes(BLOCK)))
    }
    await swarm.join(core.discoveryKey, { server: true, client: false }).flushed()
    return { key: b4a.toString(core.key, 'hex'), ...(await contents(core)) }
  },

  /** Downloads all of a core from its writer. */
  async read({ key, blocks }) {
    const core = store.get({ key: b4a.from(key, 'hex') })
    await core.ready()
    swarm.join(core.discoveryKey, { server: false, client: true })
    const found = core.findingPeers()
    swarm.flush().then(found, found)
    await core.update({ wait: true })
    await core.download({ start: 0, end: blocks }).done()
    return contents(core)
  },

  async destroy() {
    await swarm.destroy()
    await store.close()
  }
})

/** A hash of all blocks, and the root of the core's Merkle tree. */
async function contents(core) {
  const hash = crypto.createHash('sha256')
  for (let i = 0; i < core.length; i++) hash.update(await core.get(i, { wait: false }))
  const treeHash = b4a.toString(await core.treeHash(), 'hex')
  return { length: core.length, hash: hash.digest('hex'), treeHash }
}

function noop() {}

const BATCH = 100
const BLOCK = 1024
