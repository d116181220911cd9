// Timers and a clock that pass only when they are told to.

const turn = setImmediate

/** Virtual time, in milliseconds. */
export class Clock {
  constructor() {
    this.now = 1_700_000_000_000
    this._timers = new Map()
    this._next = 1
    this._seed = 1
  }

  /** Begins another sequence of chance. */
  seed(seed) {
    this._seed = seed
  }

  /** Replaces the timers, the clock and chance of this process. */
  install() {
    Math.random = () => {
      this._seed = (this._seed * 48271) % 2147483647
      return this._seed / 2147483647
    }
    Date.now = () => this.now
    globalThis.setTimeout = (call, ms, ...args) => this._add(call, ms, args, false)
    globalThis.setInterval = (call, ms, ...args) => this._add(call, ms, args, true)
    globalThis.clearTimeout = timer => this._timers.delete(timer?.id)
    globalThis.clearInterval = globalThis.clearTimeout
  }

  /** Lets time pass. */
  async run(ms) {
    const end = this.now + ms
    await settled()
    for (let timer = this._due(end); timer; timer = this._due(end)) {
      this.now = Math.max(this.now, timer.at)
      if (timer.every) timer.at = this.now + timer.ms
      else this._timers.delete(timer.id)
      timer.call(...timer.args)
      await settled()
    }
    this.now = end
  }

  /** The machine sleeps: what was due meanwhile comes late. */
  sleep(ms) {
    this.now += ms
  }

  clear() {
    this._timers.clear()
  }

  _add(call, ms, args, every) {
    const id = this._next++
    const timer = { id, at: this.now + ms, ms, call, args, every, ref: noop, unref: noop }
    this._timers.set(id, timer)
    return timer
  }

  _due(end) {
    let first = null
    for (const timer of this._timers.values()) {
      if (timer.at <= end && (first === null || timer.at < first.at)) first = timer
    }
    return first
  }
}

/** Promises that are resolved have had their say. */
function settled() {
  return new Promise(resolve => turn(resolve))
}

function noop() {}
