// What programs import besides the class of a node.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, isNative, deep } = require('../helpers/implementation')
const { isBare } = require('../helpers/runtime')
const { thrown } = require('../helpers/fixtures')

test('an ES module imports the class as the default', async t => {
  const module = await import(isNative ? '../../index.js' : 'hyperdht-reference')
  t.is(module.default, DHT)
})

test('deep imports', t => {
  t.is(deep('index.js'), DHT)
  t.is(deep('testnet'), deep('testnet.js'))
  t.is(typeof deep('testnet'), 'function')
  t.is(deep('lib/constants'), deep('lib/constants.js'))
  t.is(typeof deep('package.json').bin.hyperdht, 'string')
})

test('in browsers the class cannot be used', t => {
  const Browser = deep('browser.js')
  t.is(thrown(() => new Browser())?.message, 'hyperdht is not supported in browsers')
})

test('keyPair and hash in browsers', t => {
  const Browser = deep('browser.js')
  for (let i = 0; i < 5; i++) {
    const seed = b4a.alloc(32, i)
    t.alike(Browser.keyPair(seed), DHT.keyPair(seed))
  }
  for (const size of [0, 1, 127, 128, 129, 256, 1000]) {
    const data = b4a.alloc(size, size)
    t.alike(Browser.hash(data), DHT.hash(data), `${size} bytes`)
  }
  if (isBare) return

  const one = Browser.keyPair()
  const other = Browser.keyPair()
  t.is(one.publicKey.byteLength, 32)
  t.is(one.secretKey.byteLength, 64)
  t.unlike(one.publicKey, other.publicKey)
})

test('lib/crypto', t => {
  const { hash, unslabbedHash, createKeyPair } = deep('lib/crypto')
  const seed = b4a.alloc(32, 1)
  t.alike(createKeyPair(seed), DHT.keyPair(seed))
  t.unlike(createKeyPair(), createKeyPair())
  t.alike(hash(seed), DHT.hash(seed))
  t.alike(unslabbedHash(seed), DHT.hash(seed))
})

test('lib/constants', t => {
  const { COMMANDS, BOOTSTRAP_NODES, FIREWALL, ERROR, NS } = deep('lib/constants')
  t.alike(COMMANDS, {
    PEER_HANDSHAKE: 0,
    PEER_HOLEPUNCH: 1,
    FIND_PEER: 2,
    LOOKUP: 3,
    ANNOUNCE: 4,
    UNANNOUNCE: 5,
    MUTABLE_PUT: 6,
    MUTABLE_GET: 7,
    IMMUTABLE_PUT: 8,
    IMMUTABLE_GET: 9,
    PLUGIN: 10
  })
  t.alike(ERROR, {
    NONE: 0,
    ABORTED: 1,
    VERSION_MISMATCH: 2,
    TRY_LATER: 3,
    SEQ_REUSED: 16,
    SEQ_TOO_LOW: 17
  })
  t.is(BOOTSTRAP_NODES, DHT.BOOTSTRAP)
  t.is(FIREWALL, DHT.FIREWALL)

  const hex = Object.fromEntries(
    Object.entries(NS).map(([name, value]) => [name, b4a.toString(value, 'hex')])
  )
  t.alike(hex, {
    ANNOUNCE: '36386adddf9f6fd60db83a6f42fc159d1146aa8644037664230aaa1f0179d497',
    UNANNOUNCE: 'ded293cd93fb395e756ecf5fff426529e72c36eacc22e5ed944d9099a2561e32',
    MUTABLE_PUT: '668e823edd5ce7f5338d68bf1161f4a3c28ce437ee2ab49efd30d99366039b1e',
    PEER_HANDSHAKE: '14d6d4b49214ab1033ed204976caa258bae9e1e8543b9ad1fd996a910b0c4e3a',
    PEER_HOLEPUNCH: 'f1191cd5e67b10b54a507033280ed1ff0e12278268d5679c8f93d417210d168b',
    PLUGIN: '6b8a2a8623f28c6c02a1e22abe515ce31cafd9af61d4b69970639aa7eb96a8d5'
  })
})

test('statics that are inherited', t => {
  t.is(DHT.OK, 0)
  t.is(DHT.ERROR_UNKNOWN_COMMAND, 1)
  t.is(DHT.ERROR_INVALID_TOKEN, 2)
})
