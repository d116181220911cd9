// Arguments that the reference accepts and that ours refuses at once, with a clear message
// (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, rejected, testnet, thrown } = require('../helpers/fixtures')

test('key pairs of the wrong size', async t => {
  const dht = await node(t, await testnet(t, 1))
  const { publicKey, secretKey } = DHT.keyPair()
  const bad = {
    'short public key': { publicKey: publicKey.subarray(1), secretKey },
    'long public key': { publicKey: b4a.concat([publicKey, b4a.alloc(1)]), secretKey },
    'short secret key': { publicKey, secretKey: secretKey.subarray(1) },
    'long secret key': { publicKey, secretKey: b4a.concat([secretKey, b4a.alloc(1)]) },
    'public key is a string': { publicKey: b4a.toString(publicKey, 'hex'), secretKey }
  }

  for (const [name, keyPair] of Object.entries(bad)) {
    refused(t, name + ', node', /key/i, () => new DHT({ bootstrap: [], keyPair }))
    refused(t, name + ', connect', /key/i, () => dht.connect(publicKey, { keyPair }))
    refused(t, name + ', announce', /key/i, () => dht.announce(b4a.alloc(32), keyPair, []))
  }
})

test('listen on a key pair of the wrong size', async t => {
  const dht = await node(t, await testnet(t, 1))
  const { publicKey, secretKey } = DHT.keyPair()
  const server = dht.createServer()
  const keyPair = { publicKey: publicKey.subarray(1), secretKey }

  let error = null
  try {
    await server.listen(keyPair)
  } catch (err) {
    error = err
  }
  t.ok(error instanceof TypeError || error instanceof RangeError, String(error))
  t.is(server.listening, false)
})

test('a port out of range, or not a number', t => {
  for (const port of [-1, 65536, 1.5, Number.NaN, '49737', {}]) {
    refused(t, 'port ' + String(port), /port/i, () => new DHT({ bootstrap: [], port }))
  }
  for (const port of [-1, 65536, 1.5]) {
    const bootstrap = [{ host: '127.0.0.1', port }]
    refused(t, 'bootstrap port ' + port, /port/i, () => new DHT({ bootstrap }))
  }
})

test('a user timeout that is too short, or no number of milliseconds', t => {
  for (const userTimeout of [1, 12_999, 600_001, -1, '30000', {}]) {
    refused(t, 'userTimeout ' + String(userTimeout), /userTimeout/, () => {
      return new DHT({ bootstrap: [], userTimeout })
    })
  }
})

test('hooks of a server that are no functions', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()
  for (const name of ['firewall', 'holepunch']) {
    for (const hook of [true, 5, 'x', {}]) {
      refused(t, name, new RegExp(name), () => dht.createServer({ [name]: hook }))
      refused(t, `server.${name}`, new RegExp(name), () => {
        server[name] = hook
      })
    }
  }
})

test('sessions that are none', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  const [to] = net.bootstrap
  const target = b4a.alloc(32)
  for (const session of [true, {}, 'x', dht]) {
    refused(t, 'query', /session/, () => dht.lookup(target, { session }))
    t.ok((await rejected(dht.ping(to, { session }))) instanceof TypeError)
    t.ok(
      (await rejected(dht.request({ command: 3, target }, to, { session }))) instanceof TypeError
    )
  }
})

test('replies of a query that are none', async t => {
  const dht = await node(t, await testnet(t, 1))
  for (const replies of ['x', {}, [null], [{}]]) {
    refused(t, 'replies', /replies|nodes/, () => dht.lookup(b4a.alloc(32), { replies }))
  }
})

function refused(t, name, words, call) {
  const err = thrown(call)
  const right = err instanceof TypeError || err instanceof RangeError
  t.ok(right && words.test(err.message), `${name}: ${err}`)
}
