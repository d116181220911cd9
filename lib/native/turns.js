const context = require('./context')

/**
 * The turns of the event loop. All nodes of a thread share them with the program's timers and its
 * other input. In each turn the nodes handle events for a limited time, and the other events wait.
 */
class Turns {
  constructor() {
    this._started = 0
    this._free = FREE
    this._running = false // an immediate is set, which ends this turn
    this._waiting = []
    const onend = () => this._end()
    this._defer = () => defer(onend)
  }

  /**
   * Whether the nodes have used up their time in this turn. Asked before each event. The first few
   * events between two turns are free, so that a quiet program does not pay for turns.
   */
  isOver() {
    if (!this._running) {
      if (this._free-- > 0) return false
      this._start()
    }
    const spent = now() - this._started
    return spent >= SHARE || spent < 0
  }

  /** Starts the turn, because the program has got much to do. */
  begin() {
    if (!this._running) this._start()
  }

  /** Calls `resume` at the start of a later turn. Each turn resumes one node. */
  wait(resume) {
    this._waiting.push(resume)
  }

  _start() {
    this._running = true
    this._started = now()
    context.runApart(this._defer)
  }

  // One callback for each turn, since some runtimes run no microtasks between two immediates.
  _end() {
    this._running = false
    this._free = FREE
    if (this._waiting.length === 0) return
    this._start()
    this._waiting.shift()()
  }
}

/** In milliseconds. The clock counts whole ones, so the nodes get half of this on average. */
const SHARE = 1

/** A program handles so many events in less than a millisecond, if none of them lets it write. */
const FREE = 16

// Taken here, before a test replaces the clock of its program. Browser-like environments of test
// runners have no setImmediate.
const { now } = Date
const defer = globalThis.setImmediate || globalThis.setTimeout

module.exports = new Turns()
