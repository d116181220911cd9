const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { isBare } = require('../helpers/runtime')
const runProgram = require('../helpers/run-program')
const { node, testnet, thrown, closed } = require('../helpers/fixtures')

test('a malformed key throws synchronously', async t => {
  const dht = await node(t, await testnet(t, 1))

  const bad = [
    ['not a key', 'Invalid Hypercore key'],
    ['', 'Invalid Hypercore key'],
    ['ab'.repeat(31), 'Invalid Hypercore key'],
    // Not hex: Bare has error messages of its own for it.
    ['zz'.repeat(32), isBare ? 'Invalid' : 'Invalid Hypercore key'],
    [null, 'Invalid Hypercore key'],
    [undefined, 'Invalid Hypercore key'],
    [42, 'Invalid Hypercore key'],
    [b4a.alloc(0), 'Out of bounds'],
    [b4a.alloc(31), 'Out of bounds']
  ]
  for (const [key, message] of bad) {
    const err = thrown(() => dht.connect(key))
    t.ok(err?.message.startsWith(message), `${String(key).slice(0, 12)}: ${err?.message}`)
  }
})

test('a bootstrap string without a port throws synchronously', t => {
  for (const entry of ['127.0.0.1', 'example.com']) {
    const err = thrown(() => new DHT({ bootstrap: [entry] }))
    t.is(err?.message, 'Bootstrap node format is host:port')
  }
})

test('a seed of the wrong size throws synchronously', async t => {
  const { code, lines } = await runProgram('bad-seed')
  t.is(code, 0)
  t.alike(lines, ['1: error', '31: error', '33: error'])
})

test('unknown options are ignored', async t => {
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1', debug: true, something: { else: 1 } })
  await dht.fullyBootstrapped()
  await dht.destroy()
  t.ok(dht.destroyed)
})

test('keys are accepted as buffer, hex and z-base-32', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const seen = []
  const server = dht.createServer(conn => {
    seen.push(conn)
    conn.on('error', noop)
    conn.end()
  })
  await server.listen(DHT.keyPair(b4a.alloc(32, 7)))

  const z32 = '7jfgaa9nutjyixzikb7tgmsf9gkwq7iqz498zr1nd5ig1fng4esy'
  const forms = [server.publicKey, b4a.toString(server.publicKey, 'hex'), z32]
  for (const form of forms) {
    const conn = client.connect(form)
    t.alike(conn.remotePublicKey, server.publicKey)
    conn.on('data', noop)
    conn.end()
    t.is(await closed(conn), null)
  }
  t.is(seen.length, forms.length)
})

function noop() {}
