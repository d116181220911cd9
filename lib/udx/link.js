/**
 * The link between a raw stream and the core, which knows the stream by a number. It sends the
 * stream's commands, receives its events, and keeps account of the bytes that are written and not
 * sent, and received and not read.
 */
module.exports = class Link {
  /** @param {object} parts of the engine: its connections, dispatcher, native and sockets */
  constructor({ connections, dispatcher, native, sockets }) {
    this.sockets = sockets

    this._connections = connections
    this._dispatcher = dispatcher
    this._native = native
    this._id = -1 // before the core knows the stream, and after it has forgotten it
    this._stream = null
    this._handlers = null
    this._openEnds = 2
    this._writeDone = null
    this._outstanding = 0
    this._unread = 0
    this._flushes = new Map() // resolve functions by the number of the flush
    this._nextFlush = 0
  }

  /** The number by which the core knows the stream. */
  get conn() {
    return this._id
  }

  /**
   * Creates the stream in the core.
   *
   * @param {import('./stream')} stream gets what the peer sends
   * @param {{ id: number, framed: boolean, askFirewall: boolean }} options
   * @param {object} handlers of the other events
   */
  create(stream, options, handlers) {
    this._stream = stream
    this._handlers = handlers
    this._connections.begin(this, conn => {
      this._id = conn
      this._command({ kind: 'create', options })
    })
  }

  /**
   * Takes a stream that the core has opened.
   *
   * @param {import('./stream')} stream
   * @param {number} conn
   * @param {object} handlers as of `create`
   */
  adopt(stream, conn, handlers) {
    this._stream = stream
    this._handlers = handlers
    this._id = conn
    this._connections.set(conn, this)
  }

  /** @param {{ socket: number, address: { host: string, port: number }, id: number }} remote */
  connect(remote) {
    this._command({ kind: 'connect', remote })
  }

  changeRemote(remote) {
    this._command({ kind: 'changeRemote', remote })
  }

  /** Whether packets were sent that the peer has not acknowledged. */
  get hasUnacknowledged() {
    return this._native.inspect('unacknowledged', this._id) || false
  }

  /** @param {number} target the number of another stream */
  relayTo(target) {
    this._command({ kind: 'relayTo', target })
  }

  /** Writes bytes. The core accepts them even if the high-water mark is exceeded. */
  write(batch) {
    if (this._id === -1) return
    for (const { byteLength } of batch) this._outstanding += byteLength
    this._native.writev(this._id, batch)
  }

  /** @param {number} ms 0 turns heartbeats off */
  setKeepAlive(ms) {
    if (this._id !== -1) this._native.command('setKeepAlive', { conn: this._id, interval: ms })
  }

  /** Calls `done` when unsent bytes are below the high-water mark. */
  whenWritable(done) {
    if (this._outstanding < HIGH_WATER_MARK || this._id === -1) done(null)
    else this._writeDone = done
  }

  /** Reports to the core that the reader has caught up. */
  resume() {
    if (this._unread === 0 || this._id === -1) return
    this._dispatcher.consumed(this._id, this._unread)
    this._unread = 0
  }

  sendMessage(data) {
    if (this._id !== -1) this._native.sendMessage(this._id, data)
  }

  /** Resolves with true when the peer has acknowledged everything that was written so far. */
  flush() {
    if (this._id === -1) return Promise.resolve(false)
    return new Promise(resolve => {
      const flush = this._nextFlush++
      this._flushes.set(flush, resolve)
      this._native.command('flush', { conn: this._id, flush })
    })
  }

  end() {
    this._openEnds--
    if (this._id !== -1) this._native.command('end', { conn: this._id })
  }

  destroy() {
    if (this._id !== -1) this._native.command('destroyConn', { conn: this._id })
    this._continueWrite(null)
  }

  /** The transport's statistics. Null if the core does not know the stream. */
  measure() {
    return this._id === -1 ? null : this._native.inspect('transport', this._id)
  }

  _command(command) {
    if (this._id !== -1) this._native.command('raw', { conn: this._id, command })
  }

  _continueWrite(err) {
    if (this._writeDone === null) return false
    const done = this._writeDone
    this._writeDone = null
    done(err)
    return true
  }

  // Events of the core.

  ondata(data) {
    if (this._stream.destroying) return
    // read before a listener can transfer the memory away
    const { byteLength } = data
    if (this._stream.push(data)) this._dispatcher.consumed(this._id, byteLength)
    else this._unread += byteLength
  }

  onmessage(data) {
    if (!this._stream.destroying) this._stream.emit('message', data)
  }

  /** Returns whether a waiting write goes on. */
  ondrained(bytes) {
    this._outstanding -= bytes
    return this._outstanding < HIGH_WATER_MARK && this._continueWrite(null)
  }

  onremoteend() {
    if (this._stream.destroying) return
    this._openEnds--
    this._stream.push(null)
  }

  onflushed(flush) {
    const resolve = this._flushes.get(flush)
    this._flushes.delete(flush)
    resolve(true)
  }

  onremotechanged() {
    this._handlers.onremotechanged()
  }

  /** The core sends the packets elsewhere from here on. */
  onpathchanged(path) {
    this._handlers.onmoved(path)
  }

  /** The program decides on packets that have arrived on another socket than the stream's. */
  onstreamfirewall({ socket, from }) {
    return this._handlers.onfirewall(this.sockets.view(socket), from)
  }

  /**
   * The core has forgotten this stream.
   *
   * @param {Error | null} err
   * @param {object | null} [stats] of the transport; null if the stream was never connected
   */
  onclosed(err, stats = null) {
    this._id = -1
    for (const resolve of this._flushes.values()) resolve(false)
    this._flushes.clear()
    this._handlers.onclosed(err, stats, this._openEnds === 0)
  }
}

/** Unsent bytes above which a write waits. */
const HIGH_WATER_MARK = 256 * 1024
