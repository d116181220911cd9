const Channel = require('./channel')
const NoiseSecretStream = require('./secret-stream')
const { SUSPENDED } = require('../errors')
const { decodeAddress } = require('../native/keys')
const { addresses, checkKeyPair, checkPool, interval } = require('../util/check')
const { internalsOf } = require('../util/internals')
const { relaysNow } = require('../util/relay-through')
const { refuse } = require('../util/unsupported')

/**
 * Connects to a server. Malformed keys and options throw. Any other failure is an 'error' event of
 * the stream.
 *
 * @param {import('../..')} dht
 * @param {Uint8Array | string} publicKey 32 bytes, a hyperdht-address, hex or z-base-32
 * @param {object} opts
 * @returns {NoiseSecretStream}
 */
module.exports = function connect(dht, publicKey, opts = {}) {
  refuse(opts, ['createHandshake', 'createSecretStream'])
  const pool = checkPool(opts.pool)
  const { key, nodes } = decodeAddress(publicKey)
  const pooled = pool?.get(key)
  if (pooled) return pooled

  const keyPair = opts.keyPair ? checkKeyPair('keyPair', opts.keyPair) : dht.defaultKeyPair
  opts.relayAddresses = opts.relayAddresses || nodes
  const relayAddresses = addresses('relayAddresses', opts.relayAddresses)
  const holepunch = opts.holepunch || null
  const keepAlive = dht.connectionKeepAlive
  const options = {
    secretKey: keyPair.secretKey,
    relayAddresses,
    localConnection: opts.localConnection !== false,
    fastOpen: opts.fastOpen !== false,
    askHolepunch: typeof holepunch === 'function',
    keepAlive: interval(keepAlive),
    reusableSocket: !!opts.reusableSocket,
    relayThrough: relaysNow(opts.relayThrough),
    relayKeepAlive: interval(opts.relayKeepAlive || RELAY_KEEP_ALIVE)
  }

  const internals = internalsOf(dht)
  const channel = new Channel(internals)
  const stream = new NoiseSecretStream(true, channel, {
    publicKey: keyPair.publicKey,
    remotePublicKey: key,
    keepAlive,
    holepunch
  })

  const error = refusal(dht, internals)
  if (error) {
    stream.destroy(error)
    return stream
  }
  channel.connect(key, options)
  if (pool) pool.attachStream(stream)
  return stream
}

/** Milliseconds. */
const RELAY_KEEP_ALIVE = 5000

// The error if a node cannot connect in its present state, else null.
function refusal(dht, { bindError, lifecycle }) {
  if (!lifecycle.isConnectable) return SUSPENDED()
  if (dht.destroyed) return new Error('Node destroyed')
  return bindError
}
