const b4a = require('b4a')
const c = require('compact-encoding')
const { createKeyPair, keyedHash, openSealed, seal } = require('./native/keys')
const { holepunchPayload } = require('./messages')

/** Encrypts and decrypts the payloads of a punch, which pass through nodes that shall not read them. */
module.exports = class SecurePayload {
  /** @param {Uint8Array} holepunchSecret 32 bytes, of the handshake */
  constructor(holepunchSecret) {
    this._sharedSecret = holepunchSecret
    this._localSecret = createKeyPair().secretKey.slice(0, 32)
  }

  /** Returns null for a payload that is damaged or forged. */
  decrypt(buffer) {
    const plaintext = openSealed(this._sharedSecret, buffer)
    if (plaintext === null) return null
    try {
      return c.decode(holepunchPayload, plaintext)
    } catch {
      return null
    }
  }

  /** @returns {Buffer} */
  encrypt(payload) {
    return seal(this._sharedSecret, c.encode(holepunchPayload, payload))
  }

  /** A token of an address. Only a peer that receives there can return it. */
  token(addr) {
    return keyedHash(this._localSecret, b4a.from(addr.host))
  }
}
