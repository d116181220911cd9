/** What of other nodes the core tells: nothing crosses the border that nobody listens to. */
module.exports = class IncomingSubscription {
  /** @param {import('../native/native') | null} native */
  constructor(native) {
    this._native = native
    this._bits = 0
  }

  /** @param {number} bit one of the static numbers */
  add(bit) {
    this._set(this._bits | bit)
  }

  remove(bit) {
    this._set(this._bits & ~bit)
  }

  _set(bits) {
    if (bits === this._bits) return
    this._bits = bits
    this._native?.command('subscribe', { bits })
  }

  /** Requests with a command that the node does not know. */
  static UNKNOWN = 1

  /** All requests. */
  static REQUESTS = 2

  /** PLUGIN requests, while the node is persistent. */
  static PLUGINS = 4

  /** Datagrams of pool sockets that belong to no stream. */
  static DATAGRAMS = 8
}
