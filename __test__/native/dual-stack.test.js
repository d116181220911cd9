// A node on both families that cannot be bound. With the reference the process would not end.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

test('a port that is taken on one family is taken on both', async t => {
  const net = await testnet(t, 1)
  const { port } = (await node(t, net, { host: '0.0.0.0' })).io.serverSocket.address()
  const dht = new DHT({ bootstrap: net.bootstrap, host: '::', port, anyPort: false })
  const err = await dht.bind().catch(err => err)
  t.is(err.code, 'EADDRINUSE')
  await dht.destroy()
})
