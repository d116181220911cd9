const b4a = require('b4a')
const { isBytes } = require('./lib/util/bytes')
const browserCrypto = require('./lib/util/browser-crypto')

/** The part of the class that works without sockets. */
module.exports = class HyperDHT {
  constructor() {
    throw new Error('hyperdht is not supported in browsers')
  }

  static keyPair(seed = crypto.getRandomValues(b4a.alloc(32))) {
    if (!isBytes(seed)) throw new TypeError('seed must be a buffer')
    if (seed.byteLength !== 32) throw new RangeError('seed must be 32 bytes')
    return browserCrypto.keyPair(seed)
  }

  static hash(data) {
    if (!isBytes(data)) throw new TypeError('data must be a buffer')
    return browserCrypto.hash(data)
  }
}
