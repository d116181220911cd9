const Channel = require('./channel')
const ForeignConnection = require('./foreign-connection')
const ForeignHandshake = require('./foreign-handshake')
const NoiseSecretStream = require('./secret-stream')
const NoiseWrap = require('../noise-wrap')
const refusedTrace = require('./trace')
const { SUSPENDED } = require('../errors')
const { createKeyPair, decodeAddress } = require('../native/keys')
const { addresses, checkForeignKeyPair, checkFunction } = require('../util/check')
const { checkKeyPair, checkPool, interval } = require('../util/check')
const { internalsOf } = require('../util/internals')
const { relaysNow } = require('../util/relay-through')

/**
 * Connects to a server. Malformed keys and options throw. Any other failure is an 'error' event of
 * the stream.
 *
 * @param {import('../..')} dht
 * @param {Uint8Array | string} publicKey 32 bytes, a hyperdht-address, hex or z-base-32
 * @param {object} opts
 * @returns {NoiseSecretStream} or the stream that `createSecretStream` returns
 */
module.exports = function connect(dht, publicKey, opts = {}) {
  const pool = checkPool(opts.pool)
  const createHandshake = checkFunction('createHandshake', opts.createHandshake)
  const createSecretStream = checkFunction('createSecretStream', opts.createSecretStream)
  const { key, nodes } = decodeAddress(publicKey)
  const pooled = pool?.get(key)
  if (pooled) return pooled

  const check = createHandshake === null ? checkKeyPair : checkForeignKeyPair
  const keyPair = opts.keyPair ? check('keyPair', opts.keyPair) : dht.defaultKeyPair
  opts.relayAddresses = opts.relayAddresses || nodes
  const options = optionsOf(dht, keyPair, opts, foreignPart(createHandshake, createSecretStream))
  const internals = internalsOf(dht)
  const keys = { publicKey: keyPair.publicKey, remotePublicKey: key }
  const { stream, begin } =
    createSecretStream === null
      ? prepare(internals, keys, opts)
      : prepareForeign(internals, keys, opts)

  const error = refusal(dht, internals)
  if (error) {
    stream.destroy(error)
    return stream
  }
  if (createHandshake === null && createSecretStream === null) {
    begin(options, null)
  } else {
    const maker = createHandshake ? createHandshake(keyPair, key) : new NoiseWrap(keyPair, key)
    begin(options, new ForeignHandshake(maker, createSecretStream !== null))
  }
  if (pool) pool.attachStream(stream)
  return stream
}

// A connection whose secret stream is the node's.
function prepare(internals, keys, { holepunch = null }) {
  const channel = new Channel(internals)
  const keepAlive = internals.dht.connectionKeepAlive
  const { publicKey, remotePublicKey } = keys
  const its = { publicKey, remotePublicKey, keepAlive, holepunch }
  const stream = new NoiseSecretStream(true, channel, its)
  const begin = (options, handshake) => {
    channel.connect(keys.remotePublicKey, options, handshake)
  }
  return { stream, begin }
}

// A connection whose secret stream the program makes.
function prepareForeign(internals, keys, { createSecretStream, holepunch = null }) {
  const keepAlive = internals.dht.connectionKeepAlive
  const stream = createSecretStream(true, null, { ...keys, autoStart: false, keepAlive })
  if (!stream) throw new TypeError('createSecretStream of connect must return a stream')
  const begin = (options, handshake) => {
    const connection = new ForeignConnection(internals, stream, handshake, holepunch)
    connection.connect(keys.remotePublicKey, options)
  }
  return { stream, begin }
}

// What the program makes, in the words of the core.
function foreignPart(createHandshake, createSecretStream) {
  if (createSecretStream !== null) return 'everything'
  return createHandshake === null ? 'nothing' : 'handshake'
}

// The options in the form of the core.
function optionsOf(dht, keyPair, opts, foreign) {
  return {
    // unused if the program makes the handshake
    secretKey: keyPair.secretKey || createKeyPair().secretKey,
    relayAddresses: addresses('relayAddresses', opts.relayAddresses),
    localConnection: opts.localConnection !== false,
    fastOpen: opts.fastOpen !== false,
    askHolepunch: typeof opts.holepunch === 'function',
    keepAlive: interval(dht.connectionKeepAlive),
    reusableSocket: !!opts.reusableSocket,
    relayThrough: relaysNow(opts.relayThrough),
    relayKeepAlive: interval(opts.relayKeepAlive || RELAY_KEEP_ALIVE),
    foreign
  }
}

/** Milliseconds. */
const RELAY_KEEP_ALIVE = 5000

// The error if a node cannot connect in its present state, else null.
function refusal(dht, { bindError, lifecycle }) {
  if (!lifecycle.isConnectable) return traced(SUSPENDED(), 'suspended')
  if (dht.destroyed) return traced(new Error('Node destroyed'), 'nodeDestroyed')
  return bindError && traced(bindError, 'noSocket')
}

function traced(err, reason) {
  err.trace = refusedTrace(reason)
  return err
}
