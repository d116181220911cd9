/** The requests and datagrams of other nodes that the core passes to JavaScript. */
module.exports = class IncomingSubscription {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this._native = native
    /** The sum of the static numbers below that are subscribed. */
    this.bits = 0
  }

  /** @param {number} bit one of the static numbers */
  add(bit) {
    this._set(this.bits | bit)
  }

  remove(bit) {
    this._set(this.bits & ~bit)
  }

  _set(bits) {
    if (bits === this.bits) return
    this.bits = bits
    this._native.command('subscribe', {
      interests: {
        unknown: (bits & IncomingSubscription.UNKNOWN) !== 0,
        requests: (bits & IncomingSubscription.REQUESTS) !== 0,
        plugins: (bits & IncomingSubscription.PLUGINS) !== 0,
        datagrams: (bits & IncomingSubscription.DATAGRAMS) !== 0,
        copies: (bits & IncomingSubscription.COPIES) !== 0
      }
    })
  }

  /** Requests with a command that the node does not know. */
  static UNKNOWN = 1

  /** All requests. */
  static REQUESTS = 2

  /** PLUGIN requests, while the node is persistent. */
  static PLUGINS = 4

  /** Datagrams of pool sockets that belong to no stream. */
  static DATAGRAMS = 8

  /** Copies of the datagrams that the node's sockets emit as 'message'. */
  static COPIES = 16
}
