const b4a = require('b4a')
const pure = require('./lib/pure')

/** What of the class works without sockets. */
module.exports = class HyperDHT {
  constructor() {
    throw new Error('hyperdht is not supported in browsers')
  }

  static keyPair(seed = crypto.getRandomValues(b4a.alloc(32))) {
    if (!b4a.isBuffer(seed)) throw new TypeError('seed must be a buffer')
    if (seed.byteLength !== 32) throw new RangeError('seed must be 32 bytes')
    return pure.keyPair(seed)
  }

  static hash(data) {
    if (!b4a.isBuffer(data)) throw new TypeError('data must be a buffer')
    return pure.hash(data)
  }
}
