// What the reference accepts and ours refuses, at once and in words (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, thrown } = require('../helpers/fixtures')

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

function refused(t, name, words, call) {
  const err = thrown(call)
  const right = err instanceof TypeError || err instanceof RangeError
  t.ok(right && words.test(err.message), `${name}: ${err}`)
}
