const c = require('compact-encoding')
const b4a = require('b4a')
const binding = require('../../binding')
const { isBytes } = require('../util/bytes')
const { address } = require('./encodings')

const NONCE = 24
const MAC = 16

const ALPHABET = 'ybndrfg8ejkmcpqxot1uwisza345h769'

/**
 * Makes an Ed25519 key pair: from a seed, or a random one.
 *
 * @param {Uint8Array} [seed] 32 bytes
 * @returns {{ publicKey: Buffer, secretKey: Buffer }}
 */
exports.createKeyPair = function createKeyPair(seed) {
  const both = b4a.alloc(96)
  if (seed) {
    assert(isBytes(seed), 'seed must be a typed array')
    assert(seed.byteLength === 32, "seed must be 'crypto_sign_SEEDBYTES' bytes")
    binding.keyPair(seed, both)
  } else {
    binding.randomKeyPair(both)
  }
  const publicKey = b4a.alloc(32)
  const secretKey = b4a.alloc(64)
  publicKey.set(both.subarray(0, 32))
  secretKey.set(both.subarray(32))
  both.fill(0)
  return { publicKey, secretKey }
}

/**
 * BLAKE2b with a digest of 32 bytes.
 *
 * @param {Uint8Array} data
 * @returns {Buffer}
 */
exports.hash = function hash(data) {
  assert(isBytes(data), 'input must be a typed array')
  const out = b4a.allocUnsafeSlow(32)
  binding.hash(data, out)
  return out
}

/**
 * BLAKE2b with a digest of 32 bytes and a key of at most 64.
 *
 * @param {Uint8Array} key
 * @param {Uint8Array} data
 * @returns {Buffer}
 */
exports.keyedHash = function keyedHash(key, data) {
  const out = b4a.allocUnsafeSlow(32)
  binding.keyedHash(key, data, out)
  return out
}

/**
 * A detached Ed25519 signature.
 *
 * @param {Uint8Array} message
 * @param {Uint8Array} secretKey 64 bytes: seed, public key
 * @returns {Buffer}
 */
exports.sign = function sign(message, secretKey) {
  assert(isBytes(secretKey), 'sk must be a typed array')
  assert(secretKey.byteLength === 64, "sk must be 'crypto_sign_SECRETKEYBYTES' bytes")
  const signature = b4a.allocUnsafeSlow(64)
  binding.sign(secretKey, message, signature)
  return signature
}

/**
 * Verifies a detached Ed25519 signature.
 *
 * @param {Uint8Array} signature
 * @param {Uint8Array} message
 * @param {Uint8Array} publicKey
 * @returns {boolean}
 */
exports.verify = function verify(signature, message, publicKey) {
  assert(isBytes(signature), 'sig must be a typed array')
  assert(signature.byteLength >= 64, "sig must be at least 'crypto_sign_BYTES' bytes")
  assert(isBytes(publicKey), 'pk must be a typed array')
  assert(publicKey.byteLength === 32, "pk must be 'crypto_sign_PUBLICKEYBYTES' bytes")
  return binding.verify(publicKey, message, signature.subarray(0, 64))
}

/**
 * Encrypts for those who know the secret: the result is a random nonce and the secretbox.
 *
 * @param {Uint8Array} secret 32 bytes
 * @param {Uint8Array} plaintext
 * @returns {Buffer}
 */
exports.seal = function seal(secret, plaintext) {
  const out = b4a.allocUnsafeSlow(NONCE + MAC + plaintext.byteLength)
  binding.seal(secret, plaintext, out)
  return out
}

/**
 * Decrypts what `seal` has returned. Null for anything else.
 *
 * @param {Uint8Array} secret 32 bytes
 * @param {Uint8Array} sealed
 * @returns {Buffer | null}
 */
exports.openSealed = function openSealed(secret, sealed) {
  const length = sealed.byteLength - NONCE - MAC
  if (length <= 0) return null
  const out = b4a.allocUnsafeSlow(length)
  return binding.openSealed(secret, sealed, out) ? out : null
}

/**
 * Decodes a key in any form that `connect` accepts: 32 bytes, a hyperdht-address, hex, z-base-32.
 *
 * @param {Uint8Array | string} id
 * @returns {{ key: Buffer, nodes: Array<{ host: string, port: number }> }}
 */
exports.decodeAddress = function decodeAddress(id) {
  const buffer = isBytes(id) ? id : decodeKey(id)
  if (buffer.byteLength < 32) throw new Error('Out of bounds')
  const key = b4a.allocUnsafeSlow(32)
  key.set(buffer.subarray(0, 32))

  const state = c.state(32, buffer.byteLength, buffer)
  const flags = state.start < state.end ? c.uint.decode(state) : 0
  const nodes = flags & 1 ? c.array(address).decode(state) : []
  return { key, nodes }
}

function decodeKey(id) {
  if (typeof id === 'string') {
    if (id.startsWith('pear://')) id = id.slice(7).split('/')[0]
    if (id.length === 52) return decodeZ32(id)
    if (/^[0-9a-f]{64}$/i.test(id)) return b4a.from(id, 'hex')
  }
  throw new Error('Invalid Hypercore key')
}

function decodeZ32(string) {
  const out = b4a.alloc(32)
  let bits = 0
  let value = 0
  let at = 0
  for (let i = 0; i < string.length; i++) {
    const quintet = ALPHABET.indexOf(string[i])
    if (quintet === -1) {
      throw new Error('Invalid character in base32 input: "' + string[i] + '" at position ' + i)
    }
    value = ((value << 5) | quintet) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    if (at < 32) out[at++] = (value >>> bits) & 0xff
  }
  return out
}

// The reference's crypto library throws its errors in this form.
function assert(condition, message) {
  if (condition) return
  const err = new Error(message)
  err.name = 'AssertionError'
  err.code = 'ERR_ASSERTION'
  throw err
}
