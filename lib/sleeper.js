/** Pauses that can be cut short. */
module.exports = class Sleeper {
  constructor() {
    this._timer = null
    this._wake = noop
  }

  /** Resolves after `ms` milliseconds, or when `resume` or another `pause` is called. */
  pause(ms) {
    this.resume()
    return new Promise(resolve => {
      this._wake = resolve
      this._timer = setTimeout(() => this.resume(), ms)
    })
  }

  resume() {
    if (this._timer === null) return
    clearTimeout(this._timer)
    this._timer = null
    this._wake()
  }
}

function noop() {}
