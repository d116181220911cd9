// Events may arrive together. `await once(...)` in a row sees each of them.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, pair, once } = require('../helpers/fixtures')

test('three messages in one batch', async t => {
  const { server, client } = await pair(t, await testnet(t))

  for (let round = 0; round < 20; round++) {
    const first = once(server, 'message')
    for (const text of ['a', 'b', 'c']) client.trySend(b4a.from(text))
    t.alike(
      [await first, await once(server, 'message'), await once(server, 'message')].map(String),
      ['a', 'b', 'c']
    )
  }
})

test('three connections in one batch', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.listen()

  for (let round = 0; round < 5; round++) {
    const first = once(server, 'connection')
    const conns = [0, 1, 2].map(() => client.connect(server.publicKey, { keyPair: DHT.keyPair() }))
    for (const conn of conns) conn.on('error', noop)
    const seen = [await first, await once(server, 'connection'), await once(server, 'connection')]
    for (const conn of seen) conn.on('error', noop)

    t.alike(keys(seen, 'remotePublicKey'), keys(conns, 'publicKey'))
    for (const conn of conns) conn.destroy()
  }
})

test('connection, then opened, then data', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.listen()

  const connection = once(server, 'connection')
  const conn = client.connect(server.publicKey)
  conn.on('error', noop)
  conn.write('data')
  const other = await connection
  other.on('error', noop)
  t.is(await other.opened, true)
  t.is(b4a.toString(await once(other, 'data')), 'data')
})

function keys(conns, property) {
  return conns.map(conn => b4a.toString(conn[property], 'hex')).sort()
}

function noop() {}
