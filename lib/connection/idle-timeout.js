/** Destroys a connection when nothing was received from the peer for some time. */
module.exports = class IdleTimeout {
  /** @param {import('./secret-stream')} stream */
  constructor(stream) {
    this._stream = stream
    this._timer = null
    this._ms = 0
    this._raw = null
    this._lastData = 0
    this._keepAlives = 0 // received before the start
  }

  /**
   * The stream has opened.
   *
   * @param {number} ms
   * @param {{ numbers: { keepAlivesReceived: number } }} raw counts keep-alives
   */
  start(ms, raw) {
    this._ms = ms
    this._raw = raw
    this._lastData = Date.now()
    this._keepAlives = this._countKeepAlives()
    this._wait(ms)
  }

  /** Returns whether the timeout was running. */
  stop() {
    if (this._timer === null) return false
    clearTimeout(this._timer)
    this._timer = null
    return true
  }

  ondata() {
    if (this._timer !== null) this._lastData = Date.now()
  }

  _wait(ms) {
    this._timer = setTimeout(() => this._check(), ms)
    if (this._timer.unref) this._timer.unref()
  }

  _check() {
    const left = this._lastData + this._ms - Date.now()
    if (this._countKeepAlives() !== this._keepAlives) this.start(this._ms, this._raw)
    else if (left > 0) this._wait(left)
    else this._stream.destroy(new Error('Stream timed out'))
  }

  _countKeepAlives() {
    return this._raw.numbers.keepAlivesReceived
  }
}
