/** Where the packets of a connection go. */
module.exports = class ConnectionPath {
  /**
   * @param {object} path of the core
   * @param {import('./raw-side')} raw measures the round trip
   */
  constructor({ kind, relay, remote, punch }, raw) {
    this._found = { kind, relay, remote, punch }
    this._since = Date.now()
    this._raw = raw
  }

  /** What a program sees. */
  show() {
    const { kind, relay, remote, punch } = this._found
    const remoteAddress = { host: remote.host, port: remote.port }
    return { kind, relay, remoteAddress, rtt: this._raw.numbers.rtt, since: this._since, punch }
  }
}
