// What the processes of a laboratory have in common.

const { once } = require('events')

const native = process.env.HYPERDHT_IMPL === 'native'
const DHT = native ? require('../..') : require('hyperdht-reference')

const laboratory = {
  /** Sends it a message before the result. */
  tell: message => process.send(message),
  /** Its next message. */
  told: async () => (await once(process, 'message'))[0]
}

/** Calls `role(DHT, options, laboratory)` once and sends its result. */
module.exports = function start(role) {
  // a process whose laboratory ended exits too
  process.once('disconnect', () => process.exit())
  process.once('message', async options => process.send(await role(DHT, options, laboratory)))
}
