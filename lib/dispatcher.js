const b4a = require('b4a')
const c = require('compact-encoding')
const { EVENTS, DATA, MESSAGE, DRAINED } = require('./border')

/**
 * Takes events from the engine and hands them to a sink.
 *
 * One call of `wake` handles data and at most one other event, or replies of queries and nothing
 * behind them. The engine makes a call for each event that is not data. So microtasks run between
 * two of them, and `await once(…)` sees each.
 *
 * @typedef {object} Sink
 * @property {() => void} onbatch before each batch
 * @property {(name: string, event: object) => void} oncontrol
 * @property {(conn: number, data: Buffer) => void} ondata
 * @property {(conn: number, data: Buffer) => void} onmessage
 * @property {(conn: number, bytes: number) => void} ondrained
 */
module.exports = class Dispatcher {
  /** @param {Sink} sink */
  constructor(sink) {
    this.wake = () => this._drain()

    this._sink = sink
    this._native = null
    this._slab = null
    this._slabSize = FIRST_SLAB
    this._free = 0
    this._lent = 0
    this._consumed = new Map()
    this._reportConsumed = () => this._flushConsumed()
  }

  /** @param {import('./native')} native */
  start(native) {
    this._native = native
  }

  /** Reports, together with others, that data of a connection was taken: empty messages too. */
  consumed(conn, bytes) {
    if (this._consumed.size === 0) queueMicrotask(this._reportConsumed)
    this._consumed.set(conn, (this._consumed.get(conn) || 0) + bytes)
  }

  _flushConsumed() {
    this._native.consumed(this._consumed)
    this._consumed.clear()
  }

  _drain() {
    const native = this._native
    if (native === null || native.closed) return
    this._sink.onbatch()

    while (true) {
      if (this._slab === null) this._renewSlab(this._slabSize)
      const written = native.drain(this._slab.subarray(this._free))
      if (written === 0) return
      if (written < 0) {
        this._renewSlab(Math.max(SLAB, -written))
        continue
      }
      const other = this._dispatch(written)
      this._skipLent(written)
      // no more in this turn: the call for what is behind is on its way
      if (other) return
    }
  }

  // Handles a batch; true if it had anything but the data of connections, which has to be read
  // before anything else is handled.
  _dispatch(written) {
    const state = c.state(this._free, this._free + written, this._slab)
    let other = false

    while (state.start < state.end) {
      const kind = c.uint8.decode(state)
      if (kind !== DATA && kind !== DRAINED) other = true
      try {
        this._handle(kind, state)
      } catch (err) {
        rethrow(err)
      }
    }
    return other
  }

  _handle(kind, state) {
    if (kind === DATA) {
      this._sink.ondata(c.uint32.decode(state), this._take(state))
    } else if (kind === MESSAGE) {
      this._sink.onmessage(c.uint32.decode(state), this._take(state))
    } else if (kind === DRAINED) {
      this._sink.ondrained(c.uint32.decode(state), c.uint32.decode(state))
    } else {
      const { name, body } = EVENTS.get(kind)
      this._sink.oncontrol(name, body.decode(state))
    }
  }

  // The bytes of a message. What is lent belongs to the application: the slab goes on behind it.
  _take(state) {
    const length = c.uint32.decode(state)
    const end = state.start + length
    const part = state.buffer.subarray(state.start, end)
    state.start = end
    if (length < LEND) return b4a.from(part)
    this._lent = end
    return part
  }

  _skipLent(written) {
    this._free = Math.max(this._free, this._lent)
    const isBusy = this._free > 0 || written > FIRST_SLAB / 2
    if (!isBusy || this._slab.byteLength - this._free >= MIN_ROOM) return
    this._slab = null
    this._slabSize = SLAB
  }

  _renewSlab(size) {
    this._slab = b4a.allocUnsafeSlow(size)
    this._free = 0
    this._lent = 0
  }
}

/** Several messages of 64 KiB, what a stream reads and writes at a time. */
const SLAB = 512 * 1024

/** Enough for a node that only hears of others: V8 counts slabs, and collects garbage for them. */
const FIRST_SLAB = 4 * 1024

/** With less than this a slab is not worth another call. */
const MIN_ROOM = 64 * 1024

/** From here on a copy costs more than the memory that a part of a slab keeps alive. */
const LEND = 4096

// The runtime's own path for uncaught exceptions; the events behind this one still come.
function rethrow(err) {
  queueMicrotask(() => {
    throw err
  })
}
