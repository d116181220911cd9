const NoiseSecretStream = require('./secret-stream')
const { SUSPENDED } = require('../errors')
const { decodeAddress } = require('../native/keys')
const { addresses, checkKeyPair, interval } = require('../util/options')
const { refuse } = require('../util/unsupported')

/**
 * Connects to a server. Malformed keys and options throw; all else arrives as 'error'.
 *
 * @param {import('../..')} dht
 * @param {Uint8Array | string} publicKey 32 bytes, a hyperdht-address, hex or z-base-32
 * @param {object} opts
 * @returns {NoiseSecretStream}
 */
module.exports = function connect(dht, publicKey, opts = {}) {
  refuse(opts, ['pool', 'createHandshake', 'createSecretStream'])
  const { key, nodes } = decodeAddress(publicKey)
  const keyPair = opts.keyPair ? checkKeyPair('keyPair', opts.keyPair) : dht.defaultKeyPair
  opts.relayAddresses = opts.relayAddresses || nodes
  const relayAddresses = addresses('relayAddresses', opts.relayAddresses)
  const holepunch = opts.holepunch || null
  const keepAlive = dht.connectionKeepAlive
  const options = {
    remotePublicKey: key,
    secretKey: keyPair.secretKey,
    relayAddresses,
    localConnection: opts.localConnection !== false,
    fastOpen: opts.fastOpen !== false,
    askHolepunch: typeof holepunch === 'function',
    keepAlive: interval(keepAlive)
  }

  const stream = new NoiseSecretStream(true, dht, {
    publicKey: keyPair.publicKey,
    remotePublicKey: key,
    keepAlive,
    holepunch
  })

  const error = refusal(dht)
  if (error) {
    stream.destroy(error)
    return stream
  }

  dht._conns.begin(stream, conn => {
    dht._native.command('connect', { conn, ...options })
    stream._attach(conn)
  })
  return stream
}

// Why a node does not connect; null if it does.
function refusal(dht) {
  if (dht.suspended || !dht._connectable) return SUSPENDED()
  if (dht.destroyed) return new Error('Node destroyed')
  return dht._bindError
}
