/** Lets at most `limit` tasks run at a time. */
module.exports = class Semaphore {
  constructor(limit = 1) {
    this.limit = limit
    this.active = 0
    /** Resolve functions of the tasks that wait, in order. */
    this.waiting = []
    this.destroyed = false
    this._flushing = null
  }

  /** Resolves when the caller may go on: with false if the semaphore is destroyed. */
  async wait() {
    if (this.destroyed) return false
    if (this.active < this.limit && this.waiting.length === 0) {
      this.active++
      return true
    }
    return new Promise(resolve => this.waiting.push(resolve))
  }

  /** A task has ended. */
  signal() {
    if (this.destroyed) return
    this.active--
    while (this.active < this.limit && this.waiting.length > 0) {
      this.active++
      this.waiting.shift()(true)
    }
    if (this.active === 0) this._flushed(true)
  }

  /** Resolves when no task is active. */
  async flush() {
    if (this.destroyed || this.active === 0) return
    if (this._flushing === null) {
      this._flushing = {}
      this._flushing.promise = new Promise(resolve => {
        this._flushing.resolve = resolve
      })
    }
    return this._flushing.promise
  }

  destroy() {
    this.destroyed = true
    this.active = 0
    for (const resolve of this.waiting.splice(0).reverse()) resolve(false)
    this._flushed(false)
  }

  _flushed(value) {
    const flushing = this._flushing
    this._flushing = null
    if (flushing !== null) flushing.resolve(value)
  }
}
