// suspend() and resume() of one server of a node that stays awake.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, pair, testnet, once, closed } = require('../helpers/fixtures')
const { isFound, found } = require('../helpers/finding')

test('before listen', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()
  t.is(server.suspended, false)
  t.is(await server.suspend(), undefined)
  t.is(server.suspended, true)
  t.is(await server.resume(), undefined)
  t.is(server.suspended, false)
})

test('lost at once, and found again', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  const neighbour = dht.createServer()
  await server.listen()
  await neighbour.listen(DHT.keyPair())

  const texts = []
  await server.suspend({ log: text => texts.push(text) })
  t.alike(texts, SUSPENDING)
  t.is(server.suspended, true)
  t.is(server.listening, true)
  t.is(dht.suspended, false)
  t.is(neighbour.suspended, false)
  t.absent(await isFound(client, server.publicKey))
  t.ok(await isFound(client, neighbour.publicKey))
  await server.suspend({ log: text => texts.push(text) })
  t.alike(texts.slice(SUSPENDING.length), SUSPENDING.slice(0, 2), 'nothing to do')

  await server.resume()
  t.is(server.suspended, false)
  await found(client, server.publicKey)
})

test('clients do not reach it, connections stay', async t => {
  const { server, client, dhts, listener } = await pair(t, await testnet(t))
  await listener.suspend()
  const err = await closed(dhts[1].connect(listener.publicKey))
  t.is(err.code, 'PEER_NOT_FOUND')

  client.write('still here')
  t.is(String(await once(server, 'data')), 'still here')

  await listener.resume()
  await found(dhts[1], listener.publicKey)
  const next = dhts[1].connect(listener.publicKey)
  next.on('error', noop)
  t.is(await next.opened, true)
})

test('listen while suspended', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.suspend()
  const listening = once(server, 'listening')
  t.is(await server.listen(), server)
  await listening
  t.is(server.suspended, true)
  t.absent(await isFound(client, server.publicKey))

  await server.resume()
  await found(client, server.publicKey)
})

test('close while suspended', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  await server.suspend()
  await server.close()
  t.is(server.closed, true)
  t.is(await server.suspend(), undefined)
  t.is(await server.resume(), undefined)
})

test('suspend and resume, suspend and close at a time', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.listen()

  await Promise.all([server.suspend(), server.resume()])
  t.is(server.suspended, false)
  await found(client, server.publicKey)
  await Promise.all([server.suspend(), server.close()])
  t.is(server.closed, true)
})

test('the node resumes its servers, also those that were suspended alone', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.listen()
  await server.suspend()
  await dht.suspend()
  t.is(server.suspended, true)
  await dht.resume()
  t.is(server.suspended, false)
  await found(client, server.publicKey)
})

const SUSPENDING = [
  'Suspending hyperdht server',
  'Suspending hyperdht server (post listening)',
  'Suspending announcer',
  'Suspending announcer (post update)',
  'Suspending announcer (pre unannounce)',
  'Suspending announcer (post unannounce)'
]

function noop() {}
