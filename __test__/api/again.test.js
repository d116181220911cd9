// A client connects again to a server that has gone or come back: which error it gets, and how
// soon.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, testnet, closed } = require('../helpers/fixtures')

/** A node that keeps a dead route needs 4 s for each of the three attempts. */
const SOON_MS = 8000

test('a server that was closed is not found', async t => {
  const { client, server, publicKey } = await met(t)
  await server.close()
  await isNotFoundSoon(t, client, publicKey)
})

test('a server whose node was destroyed is not found', async t => {
  const { client, dht, publicKey } = await met(t)
  await dht.destroy()
  await isNotFoundSoon(t, client, publicKey)
})

test('a server that never was is not found', async t => {
  const client = await node(t, await testnet(t))
  await isNotFoundSoon(t, client, DHT.keyPair().publicKey)
})

test('a server that left without a word is announced, and not reached', async t => {
  const { client, dht, publicKey } = await met(t)
  await dht.destroy({ force: true })
  t.is((await connect(client, publicKey)).code, 'PEER_CONNECTION_FAILED')
})

test('a server that comes back is reached', async t => {
  const { net, client, dht, keyPair, publicKey } = await met(t)
  await dht.destroy()
  t.is((await connect(client, publicKey)).code, 'PEER_NOT_FOUND')
  const elsewhere = await node(t, net)
  await elsewhere.createServer(hold).listen(keyPair)
  t.is(await connect(client, publicKey), null)
})

/** A client that was connected to a server. */
async function met(t) {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer(hold)
  const keyPair = DHT.keyPair()
  await server.listen(keyPair)
  const { publicKey } = keyPair
  t.is(await connect(client, publicKey), null, 'the first connection')
  return { net, client, dht, server, keyPair, publicKey }
}

async function isNotFoundSoon(t, client, publicKey) {
  const begun = Date.now()
  for (let i = 0; i < 3; i++) {
    t.is((await connect(client, publicKey)).code, 'PEER_NOT_FOUND')
  }
  const took = Date.now() - begun
  t.ok(took < SOON_MS, `three times within ${SOON_MS} ms`)
}

/** Connects and destroys the connection. Resolves with its error, or null. */
async function connect(client, publicKey) {
  const conn = client.connect(publicKey)
  conn.on('open', () => conn.destroy())
  return closed(conn)
}

function hold(conn) {
  conn.on('error', noop)
  conn.on('end', () => conn.end())
}

function noop() {}
