const ForeignClient = require('./foreign-client')
const NoiseWrap = require('../noise-wrap')
const { checkFunction } = require('../util/check')

/** What a program makes of the encryption of a server's connections, in place of the node. */
module.exports = class Encryption {
  /** @param {object} opts of the server */
  constructor(opts) {
    this.createHandshake = opts.createHandshake
    this.createSecretStream = opts.createSecretStream
  }

  get createHandshake() {
    return this._createHandshake
  }

  set createHandshake(fn) {
    this._createHandshake = checkFunction('createHandshake', fn) || createNoiseWrap
  }

  get createSecretStream() {
    return this._createSecretStream
  }

  set createSecretStream(fn) {
    this._createSecretStream = checkFunction('createSecretStream', fn)
  }

  /** Whether the program makes the handshakes. Whoever makes a secret stream needs its keys. */
  get isForeign() {
    return this._createSecretStream !== null || this._createHandshake !== createNoiseWrap
  }

  /** Begins the handshake of a client. */
  begin(keyPair) {
    return new ForeignClient(this._createHandshake(keyPair, null), this._createSecretStream)
  }
}

function createNoiseWrap(keyPair, remotePublicKey) {
  return new NoiseWrap(keyPair, remotePublicKey)
}
