/**
 * Runs microtasks between two events of one call, as a runtime does between two callbacks.
 *
 * Node.js has a function that it calls itself after a callback. The function runs the callbacks of
 * `process.nextTick` and then the microtasks, until both queues are empty. Other runtimes have no
 * such function, or one that does something else. It is deprecated (DEP0134): Node.js says so if it is
 * started with `--pending-deprecation`.
 */
class Microtasks {
  /** @param {(() => void) | undefined} tick */
  constructor(tick) {
    this._tick = tick
    this._works = typeof tick === 'function' ? null : false
  }

  /**
   * Whether `run` runs microtasks. The first call finds out, by running those that wait: it may
   * throw, and nothing of the program may be on the stack, as with `run`.
   */
  canRun() {
    if (this._works === null) this._works = this._try()
    return this._works
  }

  /** Runs all microtasks that wait. What the program has put off may throw. */
  run() {
    this._tick()
  }

  _try() {
    // what runs now may ask
    this._works = false
    let ran = false
    Promise.resolve().then(() => {
      ran = true
    })
    try {
      this._tick()
    } catch (err) {
      // the next call finds out
      this._works = null
      throw err
    }
    return ran
  }
}

module.exports = new Microtasks(globalThis.process?._tickCallback)
module.exports.Microtasks = Microtasks
