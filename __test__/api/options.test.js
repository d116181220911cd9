// Options of a node. The tests of queries and connections cover the options that affect those.

const test = require('brittle')
const b4a = require('b4a')
const freePort = require('../helpers/free-port')
const { DHT } = require('../helpers/implementation')
const { node, once, sleep, testnet } = require('../helpers/fixtures')

const HOST = '127.0.0.1'

test('bootstrap: a string, an object, a port', async t => {
  const { bootstrap } = await testnet(t, 1)
  const [{ port }] = bootstrap
  for (const entry of [`${HOST}:${port}`, { host: HOST, port }, port]) {
    const dht = await start(t, { bootstrap: [entry] })
    t.alike(dht.bootstrapNodes, [{ host: HOST, port }])
    t.is(dht.host, HOST, 'has been answered')
  }
})

test('bootstrap: an address with a name to fall back to', async t => {
  const { bootstrap } = await testnet(t, 1)
  const [{ port }] = bootstrap
  const dht = await start(t, { bootstrap: [`${HOST}@nowhere.invalid:${port}`] })
  t.alike(dht.bootstrapNodes, [{ host: `${HOST}@nowhere.invalid`, port }])
  t.is(dht.host, HOST)
})

test('bootstrap: a name', async t => {
  const { bootstrap } = await testnet(t, 1)
  const dht = await start(t, { bootstrap: [`localhost:${bootstrap[0].port}`] })
  t.is(dht.host, HOST)
})

test('bootstrap: a name that nobody knows is skipped', { timeout: 60_000 }, async t => {
  const { bootstrap } = await testnet(t, 1)
  const dht = await start(t, { bootstrap: ['nowhere.invalid:1', ...bootstrap] })
  t.is(dht.host, HOST)
})

test('bootstrap: none is a network of its own', async t => {
  const dht = await start(t, { bootstrap: [] })
  t.alike(dht.bootstrapNodes, [])
  t.is(dht.host, null)
  t.is(dht.bootstrapped, true)
})

test('bootstrap: false, null or nothing are the public nodes', t => {
  for (const bootstrap of [false, null, undefined]) {
    const dht = new DHT({ bootstrap, host: HOST })
    t.teardown(() => dht.destroy())
    t.is(dht.bootstrapNodes.length, 3)
    t.alike(dht.bootstrapNodes[0], { host: '88.99.3.86@node1.hyperdht.org', port: 49737 })
  }
})

test('port: 49737 and the four after it, or any', async t => {
  for (const port of [undefined, null, 0]) {
    const dht = await start(t, { bootstrap: [], port })
    t.alike(dht.io.portRange, [49737, 49742])
    t.ok(dht.localAddress().port > 0)
  }
})

test('port: a number, the next ones while it is taken, then any', async t => {
  const port = await freePort()
  const dhts = []
  for (let i = 0; i < 6; i++) dhts.push(await start(t, { bootstrap: [], port }))
  const ports = dhts.map(dht => dht.localAddress().port)

  t.is(ports[0], port)
  t.is(new Set(ports).size, 6, 'each has a port')
  const after = ports.slice(1, 5)
  t.alike(after, after.toSorted(), 'in order, whichever of them are free')
  t.ok(ports[5] < port || ports[5] >= port + 5)
})

test('port: a range', async t => {
  const port = await freePort()
  const first = await start(t, { bootstrap: [], port: [port, port + 1] })
  t.alike(first.io.portRange, [port, port + 1])
  t.is(first.localAddress().port, port)
  const second = await start(t, { bootstrap: [], port: [port, port + 1] })
  t.not(second.localAddress().port, port, 'the end is not part of it')
})

test('anyPort: false needs the port', async t => {
  const first = await start(t, { bootstrap: [], port: await freePort(), anyPort: false })
  const { port } = first.localAddress()

  const second = new DHT({ bootstrap: [], host: HOST, port, anyPort: false })
  // The reference cannot end such a node, and its watcher keeps the process alive.
  t.teardown(() => second.destroy().catch(() => second.io.networkInterfaces.destroy()))
  for (const failure of [second.bind(), second.ready(), second.fullyBootstrapped()]) {
    const err = await failure.catch(err => err)
    t.is(err.code, 'EADDRINUSE')
    t.is(err.message, 'address already in use')
  }
})

test('host is what is bound', async t => {
  const local = await start(t, { bootstrap: [] })
  t.is(local.address().host, HOST)
  t.is(local.io.serverSocket.address().host, HOST)
  t.is(local.io.clientSocket.address().host, HOST)

  const all = await start(t, { bootstrap: [], host: undefined })
  t.is(all.address().host, '0.0.0.0')
})

test('keyPair, seed, or a random key pair', async t => {
  const keyPair = DHT.keyPair()
  const seed = b4a.alloc(32, 5)
  const given = await start(t, { bootstrap: [], keyPair, seed })
  t.is(given.defaultKeyPair, keyPair)

  const seeded = await start(t, { bootstrap: [], seed })
  t.alike(seeded.defaultKeyPair, DHT.keyPair(seed))

  const one = await start(t, { bootstrap: [] })
  const other = await start(t, { bootstrap: [] })
  t.unlike(one.defaultKeyPair.publicKey, other.defaultKeyPair.publicKey)
  t.is(one.createServer().publicKey, null)
})

test('connectionKeepAlive', async t => {
  for (const [given, kept] of [
    [undefined, 5000],
    [false, 0],
    [0, 5000],
    [7000, 7000]
  ]) {
    const dht = await start(t, { bootstrap: [], connectionKeepAlive: given })
    t.is(dht.connectionKeepAlive, kept)
    t.is(dht.config.connectionKeepAlive, kept)
    const conn = dht.connect(b4a.alloc(32, 1))
    conn.on('error', noop)
    t.is(conn.keepAlive, kept)
    conn.destroy()
  }
})

test('numbers, and their defaults', async t => {
  const plain = await start(t, { bootstrap: [] })
  t.is(plain.concurrency, 10)
  t.is(plain.maxPingDelay, 10_000)
  t.alike(plain.config, {
    concurrency: 10,
    maxWindow: 80,
    randomPunchInterval: 20_000,
    connectionKeepAlive: 5000,
    sendDownHints: true,
    downHintsRateLimit: 50
  })

  const tuned = await start(t, {
    bootstrap: [],
    concurrency: 3,
    maxWindow: 40,
    maxPingDelay: 500,
    randomPunchInterval: 1000,
    sendDownHints: false,
    downHintsRateLimit: -1,
    maxSize: 100,
    maxAge: 1000
  })
  t.is(tuned.concurrency, 3)
  t.is(tuned.maxPingDelay, 500)
  t.alike(tuned.config, {
    concurrency: 3,
    maxWindow: 40,
    randomPunchInterval: 1000,
    connectionKeepAlive: 5000,
    sendDownHints: false,
    downHintsRateLimit: -1
  })
})

test('maxAge: what others announced is forgotten', async t => {
  const port = await freePort()
  const keeper = DHT.bootstrapper(port, HOST, { host: HOST, maxAge: 500 })
  t.teardown(() => keeper.destroy())
  await keeper.fullyBootstrapped()

  const dht = await start(t, { bootstrap: [{ host: HOST, port }] })
  const topic = b4a.alloc(32, 4)
  const found = async () => {
    for await (const { peers } of dht.lookup(topic)) if (peers.length > 0) return true
    return false
  }
  // on a busy machine a lookup may come too late
  do await dht.announce(topic, dht.defaultKeyPair, []).finished()
  while (!(await found()))
  while (await found()) await sleep(50)
  t.pass('gone')
})

test('ephemeral: true, and left out', async t => {
  const net = await testnet(t)
  const adaptive = await node(t, net)
  t.is(adaptive.adaptive, true)
  t.is(adaptive.ephemeral, true)

  const notAdaptive = await node(t, net, { adaptive: false })
  t.is(notAdaptive.adaptive, false)
  t.is(notAdaptive.ephemeral, true)

  const ephemeral = await node(t, net, { ephemeral: true })
  t.is(ephemeral.adaptive, false)
  t.is(ephemeral.ephemeral, true)
  t.is(ephemeral.id, null)
})

test('ephemeral: false joins the tables of others', async t => {
  const net = await testnet(t)
  const dht = new DHT({ bootstrap: net.bootstrap, host: HOST, ephemeral: false })
  t.teardown(() => dht.destroy())
  t.is(dht.adaptive, false)
  await once(dht, 'persistent')
  t.is(dht.ephemeral, false)
  t.is(dht.firewalled, false, 'its port was found open')
  await dht.fullyBootstrapped()

  const own = dht.remoteAddress()
  const known = net.nodes.some(each => each.toArray().some(({ port }) => port === own.port))
  t.ok(known)
})

test('quickFirewall asks for a packet to the other socket while the node bootstraps', async t => {
  const net = await testnet(t)
  const quick = await node(t, net)
  t.ok(quick.stats.commands.pingNat.tx >= 1)

  const slow = await node(t, net, { quickFirewall: false })
  t.is(slow.stats.commands.pingNat.tx, 0)
  t.is(slow.firewalled, true)
})

test('firewalled: false is believed', async t => {
  const dht = new DHT({ bootstrap: [], host: HOST, firewalled: false })
  t.teardown(() => dht.destroy())
  t.is(dht.firewalled, false)
  await dht.bind()
  t.is(dht.socket, dht.io.serverSocket)
})

test('filterNode and addNode are overridden', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { filterNode: () => false, addNode: () => false })
  t.ok(dht.toArray().length >= 3)
})

test('options that change nothing here are accepted', async t => {
  const net = await testnet(t)
  const options = { deferRandomPunch: true, debug: true, adaptiveTimeout: {}, unknown: 1 }
  const dht = await node(t, net, options)
  t.is(dht.bootstrapped, true)
  const reply = await dht.ping(net.bootstrap[0])
  t.is(reply.error, 0)
})

async function start(t, options) {
  const dht = new DHT({ host: HOST, ...options })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}

function noop() {}
