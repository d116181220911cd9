const test = require('brittle')
const b4a = require('b4a')
const freePort = require('../helpers/free-port')
const { DHT } = require('../helpers/implementation')
const { thrown } = require('../helpers/fixtures')

const SEED = b4a.alloc(32, 7)

test('keyPair is random without a seed, and determined by it', t => {
  const a = DHT.keyPair()
  const b = DHT.keyPair()

  t.is(a.publicKey.byteLength, 32)
  t.is(a.secretKey.byteLength, 64)
  t.ok(b4a.isBuffer(a.publicKey) && b4a.isBuffer(a.secretKey))
  t.unlike(a.publicKey, b.publicKey)

  const seeded = DHT.keyPair(SEED)
  t.is(
    b4a.toString(seeded.publicKey, 'hex'),
    'ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c'
  )
  t.alike(seeded.secretKey.subarray(0, 32), SEED)
  t.alike(seeded.secretKey.subarray(32), seeded.publicKey)
})

test('keyPair refuses a seed of the wrong size', t => {
  for (const size of [0, 16, 31, 33, 64]) {
    const err = thrown(() => DHT.keyPair(b4a.alloc(size)))
    t.ok(err instanceof Error, `${size} bytes`)
  }
})

test('hash is BLAKE2b-256', t => {
  t.is(
    b4a.toString(DHT.hash(b4a.from('hello')), 'hex'),
    '324dcf027dd4a30a932c441f365a25e86b173defa4b8e58948253471b81b72cf'
  )
  t.is(DHT.hash(b4a.alloc(0)).byteLength, 32)
  t.ok(b4a.isBuffer(DHT.hash(b4a.from('x'))))
})

test('constants', t => {
  t.alike(DHT.FIREWALL, { UNKNOWN: 0, OPEN: 1, CONSISTENT: 2, RANDOM: 3 })
  t.alike(DHT.DEFAULTS, {
    concurrency: 10,
    maxWindow: 80,
    maxPingDelay: 10000,
    connectionKeepAlive: 5000,
    randomPunchInterval: 20000
  })
  t.alike(DHT.BOOTSTRAP, [
    '88.99.3.86@node1.hyperdht.org:49737',
    '142.93.90.113@node2.hyperdht.org:49737',
    '138.68.147.8@node3.hyperdht.org:49737'
  ])
})

test('bootstrapper starts a node that others bootstrap from', async t => {
  const port = await freePort()
  const first = DHT.bootstrapper(port, '127.0.0.1', { host: '127.0.0.1' })
  t.teardown(() => first.destroy())
  await first.fullyBootstrapped()
  t.is(first.address().port, port)

  const bootstrap = [`127.0.0.1:${port}`]
  const second = new DHT({ bootstrap, host: '127.0.0.1', ephemeral: false })
  t.teardown(() => second.destroy())
  await second.fullyBootstrapped()
  t.ok(second.bootstrapped)
})

test('bootstrapper says what is missing', t => {
  const calls = [
    [() => DHT.bootstrapper(), 'Port is required'],
    [() => DHT.bootstrapper(1000), 'Host is required'],
    [() => DHT.bootstrapper(1000, '0.0.0.0'), 'Invalid host'],
    [() => DHT.bootstrapper(1000, '::'), 'Invalid host'],
    [() => DHT.bootstrapper(1000, 'localhost'), 'Host must be a IPv4 address']
  ]
  for (const [call, message] of calls) t.is(thrown(call)?.message, message)
})

test('a bootstrapper knows its address and keeps its id', async t => {
  const port = await freePort()
  const ids = []
  for (let i = 0; i < 2; i++) {
    const dht = DHT.bootstrapper(port, '127.0.0.1', { host: '127.0.0.1' })
    t.is(dht.host, '127.0.0.1')
    t.is(dht.port, port)
    t.is(dht.firewalled, false)
    t.is(dht.adaptive, false)
    t.is(dht.id, null, 'not yet persistent')

    await dht.fullyBootstrapped()
    t.is(dht.ephemeral, false)
    t.alike(dht.remoteAddress(), { host: '127.0.0.1', port })
    ids.push(dht.id)
    await dht.destroy()
  }
  t.alike(ids[0], ids[1], 'the id is that of the address')

  const id = DHT.hash(b4a.from([127, 0, 0, 1, port & 255, port >> 8]))
  t.alike(ids[0], id)
})

test('what a bootstrapper binds', async t => {
  const port = await freePort('0.0.0.0')
  const all = DHT.bootstrapper(port, '127.0.0.1')
  t.teardown(() => all.destroy())
  await all.fullyBootstrapped()
  t.is(all.address().host, '0.0.0.0', 'all interfaces, whatever its address')
  t.is(all.address().port, port)
  t.alike(all.bootstrapNodes, [])

  const options = { host: '127.0.0.1', ephemeral: true, anyPort: true }
  const tuned = DHT.bootstrapper(port, '127.0.0.1', options)
  t.teardown(() => tuned.destroy())
  await tuned.fullyBootstrapped()
  t.is(tuned.address().host, '127.0.0.1')
  t.not(tuned.address().port, port, 'its port is taken')
  t.is(tuned.ephemeral, true, 'options override')
})
