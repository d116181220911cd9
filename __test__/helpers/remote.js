// A connection to a server of ours in a process of its own, which says back what it hears.

const b4a = require('b4a')
const Child = require('./child')
const { node, testnet } = require('./fixtures')
const { runtime } = require('./runtime')

/** @param {import('brittle').TestInstance} t */
module.exports = async function connectToProcess(t) {
  const net = await testnet(t)
  const peer = await Child.spawn({ role: 'traveller', implementation: 'native', runtime })
  t.teardown(() => peer.close())
  await peer.call('start', { bootstrap: net.bootstrap })
  const { publicKey } = await peer.call('listen')
  const dht = await node(t, net)
  const conn = dht.connect(b4a.from(publicKey, 'hex'))
  await conn.opened
  return { dht, conn }
}
