const { interval } = require('../util/check')

/**
 * The link between a connection and the core, which knows the connection by a number. It sends the
 * connection's commands, receives its events, and keeps account of the bytes that are written and
 * not sent, and received and not read.
 */
module.exports = class Channel {
  /** @param {import('../dht/internals')} internals */
  constructor({ connections, dispatcher, native, rawStreams, sockets, udx }) {
    this.rawStreams = rawStreams
    this.sockets = sockets
    this.udx = udx
    /** Bytes of frames. Keep-alives are not included. */
    this.bytesWritten = 0
    this.bytesRead = 0

    this._connections = connections
    this._dispatcher = dispatcher
    this._native = native
    this._id = -1 // before the core knows the connection, and after it has forgotten it
    this._stream = null
    this._idle = null
    this._onsetup = null
    this._holepunch = null
    this._handshake = null // which the program makes
    this._onclosed = noop
    this._onmoved = noop
    this._onpath = noop
    this._openDone = null
    this._writeDone = null
    this._openEnds = 2
    this._outstanding = 0
    this._unread = 0
    this._holding = false // there are unread messages; all of them may be empty
    this._flushes = new Map() // resolve functions by the number of the flush
    this._nextFlush = 0
  }

  /** Whether the core knows the connection. */
  get isKnown() {
    return this._id !== -1
  }

  /**
   * @param {import('./secret-stream')} stream reads and writes here
   * @param {object} its
   * @param {import('./idle-timeout')} its.idle
   * @param {(transport: object) => void} its.onsetup called when the handshake is complete
   * @param {(path: object) => void} its.onpath called when packets go elsewhere
   * @param {Function | null} its.holepunch decides whether to punch
   */
  attach(stream, { idle, onsetup, onpath, holepunch }) {
    this._stream = stream
    this._idle = idle
    this._onsetup = onsetup
    this._onpath = onpath
    this._holepunch = holepunch
  }

  /**
   * Sets the function to call with the last statistics when the connection closes, and without them
   * when it is destroyed before.
   */
  whenClosed(onclosed) {
    this._onclosed = onclosed
  }

  /** Sets the function to call, before any other, when packets go elsewhere. */
  whenMoved(onmoved) {
    this._onmoved = onmoved
  }

  /**
   * Tells the core to connect. If this throws, no connection is kept.
   *
   * @param {Buffer} remotePublicKey
   * @param {object} options of the core
   * @param {import('./foreign-handshake') | null} handshake that the program makes
   */
  connect(remotePublicKey, options, handshake) {
    this._handshake = handshake
    this._connections.begin(this, conn => {
      this._native.command('connect', { conn, remotePublicKey, options })
      this._id = conn
    })
  }

  /** Takes over a connection that the core has accepted. */
  accept(conn) {
    this._connections.set(conn, this)
    this._id = conn
  }

  /** Gives the stream the result of the handshake. */
  setup(transport) {
    this._onsetup(transport)
  }

  /** Opens the stream, if streamx has asked for it before the handshake was complete. */
  continueOpening() {
    if (this._openDone !== null && !this._stream.destroying) this._takeOpenDone()(null)
  }

  /** Calls `done` when the connection has opened, or with an error if it is destroyed before. */
  open(done) {
    this._openDone = done
  }

  /** Writes messages. The core accepts them even if the high-water mark is exceeded. */
  write(messages) {
    for (const { byteLength } of messages) {
      this.bytesWritten += byteLength + FRAME
      this._outstanding += byteLength + FRAME
    }
    if (messages.length > 0 && this.isKnown) this._native.writev(this._id, messages)
  }

  /** Calls `done` when unsent bytes are below the high-water mark. */
  whenWritable(done) {
    if (this._outstanding < HIGH_WATER_MARK || this._id === -1) done(null)
    else this._writeDone = done
  }

  /** Reports to the core that the reader has caught up with all messages. */
  resume() {
    if (!this._holding || this._id === -1) return
    this._dispatcher.consumed(this._id, this._unread)
    this._holding = false
    this._unread = 0
  }

  /** Sends an unordered message. It may be lost. */
  sendMessage(data) {
    this._native.sendMessage(this._id, data)
  }

  /** Resolves with true when the peer has acknowledged everything that was written so far. */
  flush() {
    return new Promise(resolve => {
      const flush = this._nextFlush++
      this._flushes.set(flush, resolve)
      this._command('flush', { flush })
    })
  }

  setKeepAlive(ms) {
    this._command('setKeepAlive', { interval: interval(ms) })
  }

  end() {
    this._openEnds--
    this._command('end', {})
  }

  destroy() {
    this._command('destroyConn', {})
    this._onclosed(null)
    const done = this._takeOpenDone()
    if (done !== null) done(new Error('Stream destroyed'))
    this._continueWrite(new Error('Stream destroyed'))
  }

  /** The transport's statistics. Null if the core does not know the connection. */
  measure() {
    return this._id === -1 ? null : this._native.inspect('transport', this._id)
  }

  // Events of the core.

  onopened(transport) {
    if (this._stream.destroying) return
    const made = this._handshake?.result
    const keys = made && { publicKey: made.publicKey, remotePublicKey: made.remotePublicKey }
    this._onsetup({ ...transport, ...keys })
    try {
      this._stream.emit('handshake')
    } finally {
      this.continueOpening()
    }
  }

  ondata(data) {
    if (this._stream.destroying) return
    // read before a listener can transfer the memory away
    const { byteLength } = data
    this.bytesRead += byteLength + SEAL
    this._idle.ondata()
    if (this._stream.push(data)) {
      this._dispatcher.consumed(this._id, byteLength)
      return
    }
    this._holding = true
    this._unread += byteLength
  }

  onmessage(data) {
    const stream = this._stream
    if (!stream.destroying && stream.enableSend) stream.emit('message', data)
  }

  /** Returns whether a waiting write goes on. */
  ondrained(bytes) {
    this._outstanding -= bytes
    return this._outstanding < HIGH_WATER_MARK && this._continueWrite(null)
  }

  /** Packets go elsewhere from here on. */
  onpathchanged(path) {
    if (this._stream.destroying) return
    this._onmoved(path)
    this._onpath(path)
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

  /**
   * The core has forgotten this connection.
   *
   * @param {Error | null} err null unless the connection broke
   * @param {object | null} [stats] of the transport; null if the connection never opened
   */
  onclosed(err, stats = null) {
    for (const resolve of this._flushes.values()) resolve(false)
    this._flushes.clear()
    try {
      this._onclosed(stats)
    } finally {
      this._id = -1
      if (err !== null) this._stream.destroy(err)
      else if (this._openEnds !== 0) this._stream.destroy()
    }
  }

  onhandshake(question) {
    return this._handshake.answer(question)
  }

  onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    if (this._holepunch === null) return true
    const addresses = [remoteAddresses, localAddresses]
    return this._holepunch.call(this._stream, remoteFirewall, localFirewall, ...addresses)
  }

  _command(name, fields) {
    if (this._id !== -1) this._native.command(name, { conn: this._id, ...fields })
  }

  _takeOpenDone() {
    const done = this._openDone
    this._openDone = null
    return done
  }

  _continueWrite(err) {
    if (this._writeDone === null) return false
    const done = this._writeDone
    this._writeDone = null
    done(err)
    return true
  }
}

/** Unsent bytes above which a write waits. */
const HIGH_WATER_MARK = 256 * 1024

/** Tag and authenticator of a sealed message. */
const SEAL = 17

/** A sealed message with its length in front. */
const FRAME = SEAL + 3

function noop() {}

module.exports.SEAL = SEAL
module.exports.FRAME = FRAME
