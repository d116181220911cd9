// A node is destroyed while calls are pending: cases in which the reference has another outcome, or
// one that depends on timing.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, closed, rejected } = require('../helpers/fixtures')

for (const force of [false, true]) {
  test(`a connect in the same turn, force ${force}`, async t => {
    const dht = new DHT({ bootstrap: [NOBODY], host: '127.0.0.1' })
    const conn = dht.connect(DHT.keyPair().publicKey)
    const ended = closed(conn)
    await dht.destroy({ force })
    const err = await ended
    t.is(err?.message, 'Node destroyed')
    t.is(err?.code, undefined)
    t.is(await conn.opened, false)
  })
}

test('ready() of a node that is bound and not yet ready', async t => {
  const dht = new DHT({ bootstrap: [NOBODY], host: '127.0.0.1' })
  await dht.bind()
  const ready = rejected(dht.ready())
  await dht.destroy()
  t.is((await ready)?.message, 'Node was destroyed')
  t.is((await rejected(dht.ready()))?.message, 'Node was destroyed')
})

test('queries and delayedPing', async t => {
  const dht = new DHT({ bootstrap: [NOBODY], host: '127.0.0.1' })
  const target = b4a.alloc(32)
  const lookup = rejected(dht.lookup(target).finished())
  const get = rejected(dht.immutableGet(target))
  await dht.destroy()
  t.is((await lookup)?.message, 'Node was destroyed')
  t.is((await get)?.message, 'Node was destroyed')
  t.is((await rejected(dht.delayedPing(NOBODY, 5)))?.message, 'Node destroyed')
})

test('a server of a node that was destroyed by force', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()
  await server.listen()
  await dht.destroy({ force: true })
  await server.suspend()
  await server.resume()
  await server.close()
  t.is(server.closed, true)
})

test('the counters of its sockets stay', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  await dht.ping(net.bootstrap[0])
  const { clientSocket, serverSocket } = dht.io
  await dht.destroy()
  t.ok(clientSocket.packetsTransmitted + serverSocket.packetsTransmitted > 0)
  t.ok(clientSocket.bytesReceived + serverSocket.bytesReceived > 0)
})

/** Nobody listens here (discard, RFC 863). */
const NOBODY = { host: '127.0.0.1', port: 9 }
