const b4a = require('b4a')
const c = require('compact-encoding')
const { DATA, MESSAGE, DRAINED, CLOSED, LARGE, decodeEvent, eventOf } = require('./border')
const microtasks = require('./microtasks')
const ownBytes = require('./own-bytes')
const context = require('./context')
const rethrow = require('../util/rethrow')
const turns = require('./turns')

/**
 * Takes events from the engine and hands them to a router.
 *
 * One call of `wake` handles some data and at most one other event, or replies of queries and no
 * event after them. Microtasks run between two calls, so that `await once(…)` sees each event and
 * streams can tell their readers and writers. The engine makes one call per event that is not data.
 * Unordered messages are many, and a call costs more than the rest of a message. Where this side can
 * run microtasks, it does so after each of them, and they share a call.
 *
 * A runtime makes many calls in one turn of the event loop. Once the nodes have used up their time
 * in a turn, the remaining events wait for later turns, and calls are ignored until then.
 *
 * @typedef {object} Router
 * @property {() => void} onbatch before each batch
 * @property {(conn: number, handle: () => number) => number} within calls `handle`, which handles
 *   events of one connection, and returns what it returns
 * @property {(name: string, event: object) => void} oncontrol
 * @property {(conn: number, data: Buffer) => void} ondata
 * @property {(conn: number, data: Buffer) => void} onmessage
 * @property {(conn: number, bytes: number) => boolean} ondrained whether a waiting writer goes on
 */
module.exports = class Dispatcher {
  /** @param {Router} router */
  constructor(router) {
    this.wake = () => this._onwake()

    this._router = router
    this._native = null
    this._slab = b4a.allocUnsafeSlow(FIRST_SLAB)
    this._batch = c.state(0, 0, this._slab) // the part of the slab that was not handled yet
    this._isLast = false // the call ends with this batch
    this._isAll = false // this call has drained all events that the engine had
    this._waiting = false // until a later turn
    this._behind = false // calls were ignored while waiting
    this._joins = false // messages share a call, and microtasks are run between them here
    this._work = 0 // that streams have with the events of this call
    this._ranMicrotasks = false // which may have taken long
    this._handleRun = () => this._onrun()
    this._resume = () => this._onturn()
    this._readers = []
    this._reportConsumed = () => this._flushConsumed()
  }

  /** @param {import('./native')} native */
  start(native) {
    this._native = native
  }

  /** Frees the memory after the node has closed. */
  close() {
    this._slab = NOTHING
    this._batch = c.state(0, 0, NOTHING)
  }

  /**
   * Calls `reader.takeConsumed` soon, which tells how much of its data was taken. The core hears of
   * all readers together.
   *
   * @param {{ conn: number, takeConsumed: () => number }} reader
   */
  willReport(reader) {
    if (this._readers.length === 0) queueMicrotask(this._reportConsumed)
    this._readers.push(reader)
  }

  _flushConsumed() {
    const readers = this._readers
    this._readers = []
    this._native.consumed(readers)
  }

  _onwake() {
    if (!this._waiting && this._native !== null) this._go()
  }

  // Handles some events, and arranges that the remaining ones are handled.
  _go() {
    const outcome = this._handleSome()
    if (outcome === EMPTY) this._behind = false
    else if (outcome === TIME_IS_UP) this._wait()
    else if (outcome === PAUSE || this._behind) this._native.callAgain()
  }

  _wait() {
    this._waiting = true
    this._behind = true
    turns.wait(this._resume)
  }

  _onturn() {
    this._waiting = false
    this._go()
  }

  _handleSome() {
    if (this._native.closed) return EMPTY
    this._tell('onbatch')

    // The engine's call for what came after an earlier drain may be this one.
    this._isAll = false
    this._work = 0
    this._ranMicrotasks = false
    let outcome = GOES_ON
    while (outcome === GOES_ON) {
      if (!this._fill()) return EMPTY
      const conn = this._nextConn()
      outcome = conn === NO_CONN ? this._handleOne() : this._router.within(conn, this._handleRun)
    }
    return outcome
  }

  // Handles events of one connection, as many as follow each other: to enter its context takes a
  // third of the time of a small message here. An exception of the program makes the runtime leave
  // all contexts, and then this one has to be entered again.
  _onrun() {
    const conn = this._nextConn()
    const entered = context.id()
    let outcome = GOES_ON
    do outcome = this._handleOne()
    while (outcome === GOES_ON && this._nextConn() === conn && context.id() === entered)
    return outcome
  }

  _handleOne() {
    const looks = this._ranMicrotasks || this._work % BETWEEN_LOOKS === 0
    if (looks && turns.isOver()) return TIME_IS_UP
    // A stream that closes drops what its reader has not got yet, which it gets in microtasks.
    if (this._work >= WORK_AT_ONCE || (this._work > 0 && this._isNext(CLOSED))) return PAUSE
    const wasMessage = this._isNext(MESSAGE)
    if (wasMessage && !this._joins && !this._tryToJoin()) return PAUSE
    this._work += this._handleNext()
    this._ranMicrotasks = wasMessage && this._joins
    if (this._ranMicrotasks && !this._runMicrotasks()) return PAUSE
    if (this._batch.start === this._batch.end) {
      if (this._isLast) return CALL_ENDS
      if (this._isAll) return EMPTY
    } else if (wasMessage && !this._joins) {
      // the engine makes a call for the next message, but none for data
      this._isLast = false
      return this._isNext(MESSAGE) ? CALL_ENDS : PAUSE
    }
    return GOES_ON
  }

  // Fills the slab if it is empty. Returns whether it has events.
  _fill() {
    if (this._native.closed) return false
    if (this._batch.start < this._batch.end) return true

    const isBusy = this._batch.end > FIRST_SLAB / 2
    if (isBusy && this._slab.byteLength < SLAB) this._slab = b4a.allocUnsafeSlow(SLAB)
    let written = this._native.drain(this._slab)
    if (written < 0) {
      this._slab = b4a.allocUnsafeSlow(Math.max(SLAB, -written))
      written = this._native.drain(this._slab)
    }
    this._batch = c.state(0, written >> 1, this._slab)
    this._isAll = (written & 1) === 0
    this._isLast = false
    return written > 0
  }

  _isNext(kind) {
    return this._batch.buffer[this._batch.start] === kind
  }

  // The connection that the next event of the batch is about, if that is a frequent one.
  _nextConn() {
    const { buffer, start, end } = this._batch
    if (start === end) return NO_CONN
    const kind = buffer[start]
    if (kind !== DATA && kind !== MESSAGE && kind !== DRAINED) return NO_CONN
    const low = buffer[start + 1] | (buffer[start + 2] << 8)
    const high = buffer[start + 3] | (buffer[start + 4] << 8)
    return ((high << 16) | low) >>> 0
  }

  // Returns the work that streams have with the event. If an event cannot be decoded, its end is
  // unknown, and the rest of the batch is lost.
  _handleNext() {
    const batch = this._batch
    try {
      return this._decodeNext(batch)
    } catch (err) {
      batch.start = batch.end
      rethrow(err)
      return 0
    }
  }

  _decodeNext(state) {
    const kind = c.uint8.decode(state)
    if (kind === DATA) {
      this._tellData(c.uint32.decode(state), this._take(state))
      return 1
    }
    if (kind === DRAINED) {
      const goesOn = this._tell('ondrained', c.uint32.decode(state), c.uint.decode(state))
      if (!goesOn) return 0
      turns.begin()
      return WRITER
    }
    if (kind === MESSAGE) {
      this._tellMessage(c.uint32.decode(state), this._take(state))
      return 1
    }
    // the data of connections has to be read before anything else is handled
    this._isLast = true
    const row = eventOf(kind)
    this._tell('oncontrol', row.name, decodeEvent(row, state))
    return 0
  }

  // Returns the bytes of a message, which belong to the application. The core writes those of a
  // large message straight into them.
  _take(state) {
    const length = c.uint.decode(state)
    if (length >= LARGE) {
      const data = ownBytes.allocate(length)
      this._native.take(data)
      return data
    }
    const { start } = state
    state.start += length
    return ownBytes.slice(state.buffer, start, state.start)
  }

  // From here on, messages share a call, if microtasks can run between them.
  _tryToJoin() {
    return this._letRun(() => {
      if (!microtasks.canRun()) return
      this._joins = true
      this._native.joinMessages()
    })
  }

  _runMicrotasks() {
    return this._letRun(() => microtasks.run())
  }

  // What the program has put off may throw. The runtime hears of it at once: it has noted which
  // callback runs, and forgets that only when it handles the error. Returns false then, and this call
  // should end, since it is nobody's callback any more.
  _letRun(run) {
    try {
      run()
      return true
    } catch (err) {
      this._native.report(err)
      return false
    }
  }

  // The same as `_tell('onmessage', …)`, which takes longer to find the method.
  _tellMessage(conn, data) {
    this._isLast = !this._joins
    try {
      this._router.onmessage(conn, data)
    } catch (err) {
      rethrow(err)
    }
  }

  // The same as `_tell('ondata', …)`.
  _tellData(conn, data) {
    try {
      this._router.ondata(conn, data)
    } catch (err) {
      rethrow(err)
    }
  }

  // Listeners may throw, and so may setters that a program has defined on its statistics.
  _tell(method, subject, value) {
    try {
      return this._router[method](subject, value)
    } catch (err) {
      rethrow(err)
    }
  }
}

// How a call ended.

/** Not yet. */
const GOES_ON = -1

/** There is nothing left. */
const EMPTY = 0

/** The engine makes another call if more events wait. */
const CALL_ENDS = 1

/** Microtasks have to run. */
const PAUSE = 2

/** The program's timers and its other input have to get their turn. */
const TIME_IS_UP = 3

/**
 * The most work for streams in one go, in messages for a reader. Streams do this work in
 * microtasks, which run after it, so that their time counts too. So many messages of 1 KiB fill the
 * buffer of a stream.
 */
const WORK_AT_ONCE = 64

/**
 * How many messages for a reader are handled between two looks at the clock, which takes a tenth of
 * the time of a small message. Every other event comes with a look of its own.
 */
const BETWEEN_LOOKS = 8

/** A stream that may write again counts as the full amount: it may write 256 KiB. */
const WRITER = WORK_AT_ONCE

/** Enough for a node without connections. V8 counts slabs, and collects garbage because of them. */
const FIRST_SLAB = 4 * 1024

/** Several dozen small messages for each call of the engine. */
const SLAB = 64 * 1024

const NOTHING = b4a.alloc(0)

const NO_CONN = -1
