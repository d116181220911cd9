/** Statistics that the core measures. The last ones stay when the core has no new ones. */
module.exports = class Measurement {
  /**
   * @param {{ measure: () => object | null }} source asks the core; null if it has no statistics
   * @param {object} initial the statistics before the first measurement
   */
  constructor(source, initial) {
    this.initial = initial
    this._source = source
    this._latest = initial
    this._isStopped = false
  }

  read() {
    if (!this._isStopped) this._latest = this._source.measure() || this._latest
    return this._latest
  }

  /** Asks the core for the last time. */
  stop() {
    this.read()
    this._isStopped = true
  }
}
