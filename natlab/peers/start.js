// What the processes of a laboratory have in common.

const native = process.env.HYPERDHT_IMPL === 'native'
const DHT = native ? require('../..') : require('hyperdht-reference')

/** Calls `role(DHT, options)` once and sends its result. */
module.exports = function start(role) {
  // a process whose laboratory ended exits too
  process.once('disconnect', () => process.exit())
  process.once('message', async options => process.send(await role(DHT, options)))
}
