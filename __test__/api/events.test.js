// The events of a node, and their order. state.test.js has the events of the routing table,
// lifecycle.test.js those of suspend and resume, network-change.test.js those of interfaces.

const test = require('brittle')
const freePort = require('../helpers/free-port')
const { DHT } = require('../helpers/implementation')
const { node, record, testnet } = require('../helpers/fixtures')

const HOST = '127.0.0.1'
const EVENTS = ['listening', 'nat-update', 'persistent', 'ephemeral', 'ready', 'close', 'bootstrap']

test('an ephemeral node', async t => {
  const net = await testnet(t)
  const { dht, seen } = open(t, { bootstrap: net.bootstrap })
  t.alike(seen, [], 'nothing in the turn of its making')

  await dht.fullyBootstrapped()
  t.alike(first(seen), ['listening', 'nat-update', 'ready'])
  t.is(dht.ephemeral, true)

  await dht.destroy()
  t.is(seen.at(-1), 'close')
  t.absent(seen.includes('persistent'))
})

test('a node that is not ephemeral', async t => {
  const net = await testnet(t)
  const { dht, seen } = open(t, { bootstrap: net.bootstrap, ephemeral: false })
  await dht.fullyBootstrapped()
  t.alike(first(seen), ['listening', 'nat-update', 'persistent', 'ready'])
})

test('a bootstrap node is persistent at once', async t => {
  const dht = DHT.bootstrapper(await freePort(), HOST, { host: HOST })
  t.teardown(() => dht.destroy())
  const seen = record(dht, EVENTS)
  await dht.fullyBootstrapped()
  t.alike(seen, ['listening', 'persistent', 'ready'])
})

test('a node that nobody answers', async t => {
  const { dht, seen } = open(t, { bootstrap: [] })
  await dht.fullyBootstrapped()
  t.alike(seen, ['listening', 'ready'])
})

test('listening: address() is there', async t => {
  const { dht } = open(t, { bootstrap: [] })
  dht.on('listening', () => {
    t.ok(dht.address().port > 0)
    t.is(dht.bootstrapped, false)
  })
  await dht.fullyBootstrapped()
})

test('nat-update tells the address as others see it', async t => {
  const net = await testnet(t)
  const { dht } = open(t, { bootstrap: net.bootstrap })
  const updates = []
  dht.on('nat-update', (...args) => updates.push({ args, now: [dht.host, dht.port] }))
  await dht.fullyBootstrapped()

  t.ok(updates.length >= 1)
  for (const { args, now } of updates) {
    t.alike(args, now)
    t.is(args[0], HOST)
  }
})

test('nat-update comes once for the address of each socket that is known', async t => {
  const net = await testnet(t)
  const { dht } = open(t, { bootstrap: net.bootstrap })
  const ports = []
  dht.on('nat-update', (_, port) => ports.push(port))
  await dht.fullyBootstrapped()

  const { clientSocket, serverSocket } = dht.io
  const known = dht.firewalled ? [clientSocket] : [clientSocket, serverSocket]
  t.alike(
    ports,
    known.map(socket => socket.address().port)
  )
})

test('persistent: the id is there', async t => {
  const net = await testnet(t)
  const { dht } = open(t, { bootstrap: net.bootstrap, ephemeral: false })
  const ids = []
  dht.on('persistent', () => ids.push(dht.id))
  await dht.fullyBootstrapped()
  t.is(ids.length, 1)
  t.is(ids[0].byteLength, 32)
  t.alike(ids[0], dht.id)
})

test('ready: bootstrapped is set, and the promises resolve after it', async t => {
  const net = await testnet(t)
  const { dht } = open(t, { bootstrap: net.bootstrap })
  const order = []
  dht.on('ready', () => order.push(`ready ${dht.bootstrapped}`))
  await Promise.all([
    dht.ready().then(() => order.push('promise')),
    dht.fullyBootstrapped().then(() => order.push('promise'))
  ])
  t.alike(order, ['ready true', 'promise', 'promise'])
})

test('close comes once, after the servers have closed', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const order = []
  const server = dht.createServer()
  await server.listen()
  server.on('close', () => order.push('server'))
  dht.on('close', () => order.push('node'))

  await Promise.all([dht.destroy(), dht.destroy()])
  await dht.destroy()
  t.alike(order, ['server', 'node'])
})

test('destroy at once: close, and nothing else matters', async t => {
  const net = await testnet(t)
  const { dht, seen } = open(t, { bootstrap: net.bootstrap })
  await dht.destroy()
  t.is(dht.destroyed, true)
  t.is(seen.at(-1), 'close')
  t.absent(seen.includes('ready'))
})

/** A node with a record of its events from the start. */
function open(t, options) {
  const dht = new DHT({ host: HOST, ...options })
  t.teardown(() => dht.destroy())
  return { dht, seen: record(dht, EVENTS) }
}

/** Events by their first time: an address may change more than once. */
function first(seen) {
  return [...new Set(seen)]
}
