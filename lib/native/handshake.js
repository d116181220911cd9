const b4a = require('b4a')
const binding = require('../../binding')

/**
 * One side of a Noise IK handshake over Ed25519. The names of its fields are those of the module
 * noise-handshake.
 */
module.exports = class Handshake {
  /**
   * @param {{ publicKey: Uint8Array, secretKey: Uint8Array }} keyPair
   * @param {Uint8Array | null} remotePublicKey of the server; null if we are the server
   */
  constructor(keyPair, remotePublicKey) {
    this.initiator = remotePublicKey !== null
    this.s = keyPair
    /** The peer's public key. A server learns it from the first message. */
    this.rs = remotePublicKey
    this.complete = false
    /** Set when the handshake is complete, and so are the keys. */
    this.hash = null
    this.rx = null
    this.tx = null
    this._native = null
  }

  /**
   * The next message, with a payload.
   *
   * @throws {Error} if it is the peer's turn
   */
  send(payload = EMPTY) {
    const overhead = this.initiator ? MESSAGE_1 : MESSAGE_2
    const message = b4a.allocUnsafeSlow(payload.byteLength + overhead)
    this._side().send(payload, message)
    this._finish()
    return message
  }

  /**
   * Reads a message of the peer and returns its payload. A message that was forged or damaged
   * changes nothing.
   *
   * @throws {Error} if the message is invalid
   */
  recv(message) {
    const overhead = this.initiator ? MESSAGE_2 : MESSAGE_1
    const length = message.byteLength - overhead
    if (length < 0) throw new Error('Noise handshake failed')
    const payload = b4a.allocUnsafeSlow(length + KEY)
    this._side().recv(message, payload)
    if (!this.initiator) this.rs = payload.subarray(length)
    this._finish()
    return payload.subarray(0, length)
  }

  // The key pair is read as late as in the reference: a subclass may set it after the constructor.
  _side() {
    this._native ||= binding.handshake(this.s.secretKey, this.rs || EMPTY)
    return this._native
  }

  _finish() {
    const result = b4a.allocUnsafeSlow(HASH + 2 * KEY)
    if (this._native.finish(result) === 0) return
    this.hash = result.subarray(0, HASH)
    this.rx = result.subarray(HASH, HASH + KEY)
    this.tx = result.subarray(HASH + KEY)
    this.complete = true
  }
}

/** Bytes of a message without its payload: an ephemeral key, a sealed static key, a tag. */
const MESSAGE_1 = 32 + 48 + 16

/** An ephemeral key and a tag. */
const MESSAGE_2 = 32 + 16

const HASH = 64
const KEY = 32
const EMPTY = b4a.alloc(0)
