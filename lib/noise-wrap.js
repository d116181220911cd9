const b4a = require('b4a')
const c = require('compact-encoding')
const Handshake = require('./native/handshake')
const m = require('./messages')
const { HANDSHAKE_UNFINISHED } = require('./errors')
const { NS } = require('./constants')
const { hash, keyedHash } = require('./native/keys')

/** One side of the handshake of a connection, whose payloads are those of `messages`. */
module.exports = class NoiseWrap {
  /**
   * @param {{ publicKey: Buffer, secretKey: Buffer }} keyPair
   * @param {Buffer | null} [remotePublicKey] of the server. A server has none.
   */
  constructor(keyPair, remotePublicKey) {
    this.isInitiator = !!remotePublicKey
    this.remotePublicKey = remotePublicKey
    this.keyPair = keyPair
    this.handshake = new Handshake(keyPair, remotePublicKey || null)
  }

  /** The next message. */
  send(payload) {
    return this.handshake.send(c.encode(m.noisePayload, payload))
  }

  /** The payload of a message of the peer. */
  recv(message) {
    const payload = c.decode(m.noisePayload, this.handshake.recv(message))
    this.remotePublicKey = b4a.toBuffer(this.handshake.rs)
    return payload
  }

  /**
   * The keys of the connection.
   *
   * @throws {Error} with the code HANDSHAKE_UNFINISHED
   */
  final() {
    const { complete, hash: handshakeHash, rx, tx } = this.handshake
    if (!complete) throw HANDSHAKE_UNFINISHED()
    const [ofInitiator, ofResponder] = STREAMS
    return {
      isInitiator: this.isInitiator,
      publicKey: this.keyPair.publicKey,
      streamId: this.streamId,
      remotePublicKey: this.remotePublicKey,
      remoteId: keyedHash(handshakeHash, this.isInitiator ? ofResponder : ofInitiator),
      holepunchSecret: keyedHash(handshakeHash, NS.PEER_HOLEPUNCH),
      hash: b4a.toBuffer(handshakeHash),
      rx: b4a.toBuffer(rx),
      tx: b4a.toBuffer(tx)
    }
  }
}

// The names of the two directions of a secret stream: namespaces of hypercore-crypto for
// 'hyperswarm/secret-stream'.
const STREAMS = [0, 1].map(number => {
  return hash(b4a.concat([hash(b4a.from('hyperswarm/secret-stream')), b4a.from([number])]))
})
