/**
 * The link between a stream and the core, which knows the stream by a number. It sends the stream's
 * commands, receives its events, and keeps account of the bytes that are written and not sent, and
 * received and not read.
 */
module.exports = class Link {
  /**
   * @param {object} parts of the engine: its connections, dispatcher, native and sockets
   * @param {number} [overhead] the bytes that the core adds to each write
   */
  constructor({ connections, dispatcher, native, sockets }, overhead = 0) {
    this.sockets = sockets
    /** The stream that reads and writes here. */
    this.stream = null
    /** The refusals of sockets before the stream began. */
    this.refusalsBefore = 0
    /** That in which the stream hears of events. Null before the first one. */
    this.context = null

    this._connections = connections
    this._dispatcher = dispatcher
    this._native = native
    this._id = -1 // before the core knows the stream, and after it has forgotten it
    this._openEnds = 2
    this._overhead = overhead
    this._batch = NOTHING // of the present write
    this._given = 0 // how many of its messages the core has got
    this._writeDone = null
    this._outstanding = 0
    this._unread = 0
    this._isHolding = false // there is unread data; it may be empty messages only
    this._consumed = 0
    this._willReport = false // what was consumed; it may be empty messages only
    this._flushes = null // a Map of resolve functions by the number of the flush; most streams need none
    this._nextFlush = 0
  }

  /** The number by which the core knows the stream, or -1. */
  get conn() {
    return this._id
  }

  get isKnown() {
    return this._id !== -1
  }

  /** Whether both ends have ended. */
  get isOver() {
    return this._openEnds === 0
  }

  /** Whether packets were sent that the peer has not acknowledged. */
  get hasUnacknowledged() {
    return (this._id !== -1 && this._native.inspect('unacknowledged', this._id)) || false
  }

  /** Where a stream beside this one finds the same peer, if the core knows it. */
  get wayBack() {
    return this._id === -1 ? null : this._native.inspect('wayBack', this._id)
  }

  /** Makes the core begin the stream with this command. If it throws, nothing is kept. */
  begin(name, fields) {
    this.refusalsBefore = this._native.refusals
    this._connections.begin(this, conn => {
      this._native.command(name, { conn, ...fields })
      this._id = conn
    })
  }

  /** Takes over a stream that the core has begun. */
  adopt(conn) {
    this._connections.set(conn, this)
    this._id = conn
  }

  /** Gives the core a command for the stream, if it knows the stream. */
  command(name, fields = {}) {
    if (this._id !== -1) this._native.command(name, { conn: this._id, ...fields })
  }

  /** @param {{ socket: number, address: import('./raw-link').Address, id: number }} remote */
  changeRemote(remote) {
    this.command('raw', { command: { kind: 'changeRemote', remote } })
  }

  /** @param {number} target the number of another stream */
  relayTo(target) {
    this.command('raw', { command: { kind: 'relayTo', target } })
  }

  /** @param {number} interval in milliseconds; 0 turns heartbeats off */
  setHeartbeat(interval) {
    this.command('raw', { command: { kind: 'setHeartbeat', interval } })
  }

  /**
   * Writes bytes or messages. The core copies what it gets, so it gets no more than the high-water
   * mark allows. The rest stays here, as the program's own memory.
   *
   * @param {Uint8Array[]} batch which the link takes from the caller
   * @param {(err: Error | null) => void} done called when the core has got everything, and unsent
   *   bytes are below the high-water mark
   */
  write(batch, done) {
    this._batch = batch
    this._given = 0
    this._writeDone = done
    this._giveMore()
  }

  /**
   * Gives the core messages of the present write.
   *
   * @param {Uint8Array[]} messages
   * @param {number} _bytes of them, with what the core adds
   */
  give(messages, _bytes) {
    this._native.writev(this._id, messages)
  }

  /** Lets the write that waits go on, without what the core has not got of it. */
  continueWrite(err) {
    this._batch = NOTHING
    const done = this._writeDone
    this._writeDone = null
    if (done !== null) done(err)
  }

  /** Reports to the core that the reader has caught up. */
  resume() {
    if (!this._isHolding || this._id === -1) return
    this._consume(this._unread)
    this._isHolding = false
    this._unread = 0
  }

  /** The bytes that were consumed since the last call. */
  takeConsumed() {
    const bytes = this._consumed
    this._consumed = 0
    this._willReport = false
    return bytes
  }

  /** Sends an unordered message. It may be lost. */
  sendMessage(data) {
    if (this._id !== -1) this._native.sendMessage(this._id, data)
  }

  /** Sends an unordered message without the secret stream of a connection. It may be lost. */
  sendRaw(data) {
    if (this._id !== -1) this._native.sendRaw(this._id, data)
  }

  /** Resolves with true when the peer has acknowledged everything that was written so far. */
  flush() {
    if (this._id === -1) return Promise.resolve(false)
    return new Promise(resolve => {
      const flush = this._nextFlush++
      this._flushes ??= new Map()
      this._flushes.set(flush, resolve)
      this.command('flush', { flush })
    })
  }

  end() {
    this._openEnds--
    this.command('end')
  }

  destroy() {
    this.command('destroyConn')
    this.continueWrite(null)
  }

  /** The transport's statistics. Null if the core does not know the stream. */
  measure() {
    return this._id === -1 ? null : this._native.inspect('transport', this._id)
  }

  /** The core has forgotten the stream: nothing goes on waiting for it. */
  forget() {
    this._id = -1
    const waiting = this._flushes
    this._flushes = null
    if (waiting !== null) for (const resolve of waiting.values()) resolve(false)
  }

  _consume(bytes) {
    this._consumed += bytes
    if (this._willReport) return
    this._willReport = true
    this._dispatcher.willReport(this)
  }

  // Events of the core.

  ondata(data) {
    if (this.stream.destroying) return
    // read before a listener can transfer the memory away
    const { byteLength } = data
    if (this.stream.push(data)) {
      this._consume(byteLength)
      return
    }
    this._isHolding = true
    this._unread += byteLength
  }

  onmessage(data) {
    if (!this.stream.destroying) this.stream.emit('message', data)
  }

  /** Returns whether a waiting write goes on. */
  ondrained(bytes) {
    this._outstanding -= bytes
    if (this._writeDone === null || this._outstanding >= HIGH_WATER_MARK) return false
    this._giveMore()
    return true
  }

  onremoteend() {
    if (this.stream.destroying) return
    this._openEnds--
    this.stream.push(null)
  }

  onflushed(flush) {
    const resolve = this._flushes.get(flush)
    this._flushes.delete(flush)
    resolve(true)
  }

  // Gives the core the next messages. A single one may exceed the high-water mark.
  _giveMore() {
    const isKnown = this._id !== -1
    const batch = this._batch
    const start = this._given
    let end = start
    let bytes = 0
    while (isKnown && end < batch.length && this._outstanding + bytes < HIGH_WATER_MARK) {
      bytes += batch[end++].byteLength + this._overhead
    }
    this._outstanding += bytes
    this._given = end
    const isWhole = end === batch.length
    if (isWhole) this._batch = NOTHING
    if (end > start) this.give(isWhole && start === 0 ? batch : taken(batch, start, end), bytes)
    if (this._outstanding < HIGH_WATER_MARK || !isKnown) this.continueWrite(null)
  }
}

// Takes messages out of a write, so that its array keeps them no longer.
function taken(batch, start, end) {
  const part = batch.slice(start, end)
  batch.fill(null, start, end)
  return part
}

/** @type {Uint8Array[]} */
const NOTHING = []

/** Unsent bytes above which a write waits. */
const HIGH_WATER_MARK = 256 * 1024
