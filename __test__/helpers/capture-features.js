// Reads `udxInfo.features` from the bytes of a noise payload: the reference's decoder keeps only
// bit 0.

const b4a = require('b4a')
const c = require('compact-encoding')
const NoiseWrap = require('hyperdht-reference/lib/noise-wrap')
const { noisePayload } = require('hyperdht-reference/lib/messages')

/** A `createHandshake` for the reference that reports the peer's features. */
module.exports = function captureFeatures(onfeatures) {
  return (keyPair, remotePublicKey) => new Capture(keyPair, remotePublicKey, onfeatures)
}

class Capture extends NoiseWrap {
  constructor(keyPair, remotePublicKey, onfeatures) {
    super(keyPair, remotePublicKey)
    this._onfeatures = onfeatures
  }

  recv(buffer) {
    const plain = this.handshake.recv(buffer)
    const payload = c.decode(noisePayload, plain)
    this.remotePublicKey = b4a.toBuffer(this.handshake.rs)
    this._onfeatures(features(plain, payload.udx.id))
    return payload
  }
}

/** udxInfo is version, features (one byte below 253), id, seq: the features stand before the id. */
function features(plain, id) {
  return plain[b4a.indexOf(plain, c.encode(c.uint, id)) - 1]
}
