const b4a = require('b4a')
const { Duplex, Writable } = require('streamx')
const RawStream = require('./raw-stream')
const { isBytes } = require('../util/bytes')
const { interval } = require('../util/options')
const { standIn } = require('../util/unsupported')

/** An encrypted connection between two key pairs; one write is one message. */
module.exports = class NoiseSecretStream extends Duplex {
  /**
   * @param {boolean} isInitiator
   * @param {import('../..')} dht
   * @param {object} opts
   * @param {Buffer} opts.publicKey ours
   * @param {Buffer} opts.remotePublicKey
   * @param {number} opts.keepAlive milliseconds, 0 is off
   * @param {Function | null} [opts.holepunch] decides whether to punch
   */
  constructor(isInitiator, dht, { publicKey, remotePublicKey, keepAlive, holepunch = null }) {
    super({ mapWritable: toBuffer })

    this.noiseStream = this
    this.isInitiator = isInitiator
    this.rawStream = null
    this.publicKey = publicKey
    this.remotePublicKey = remotePublicKey
    this.handshakeHash = null
    this.connected = false
    this.keepAlive = keepAlive || 0
    this.timeout = 0
    this.enableSend = true
    this.userData = null
    this.relay = null
    this.puncher = null
    this.opened = new Promise(resolve => {
      this._resolveOpened = resolve
    })

    this._dht = dht
    this._conn = -1 // until the core knows it, and from when the core has forgotten it
    this._holepunch = holepunch
    this._ended = 2
    this._openDone = null
    this._writeDone = null
    this._outstanding = 0
    this._bytesWritten = 0
    this._bytesRead = 0
    this._unread = 0
    this._holding = false // there are unread messages, perhaps empty ones
    this._timeoutTimer = null
    this._lastData = 0
    this._lastKeepAlive = 0

    // streamx opens a stream when somebody reads; a connection opens by itself
    this.resume()
    this.pause()
  }

  /** Bytes of frames, the keep-alives' too, which only the core sees. */
  get rawBytesWritten() {
    const sent = this.rawStream === null ? 0 : this.rawStream.keepAlivesSent
    return this._bytesWritten + sent * FRAME
  }

  get rawBytesRead() {
    const received = this.rawStream === null ? 0 : this.rawStream.keepAlivesReceived
    return this._bytesRead + received * SEAL
  }

  setTimeout(ms) {
    this._clearTimeout()
    this.timeout = ms || 0
    if (this.timeout && this.rawStream !== null) this._startTimeout()
  }

  setKeepAlive(ms) {
    this.keepAlive = ms || 0
    this._command('setKeepAlive', { interval: interval(ms) })
  }

  sendKeepAlive() {
    this.write(this.alloc(0))
  }

  /** Room for a message to be filled and written. */
  alloc(length) {
    return b4a.allocUnsafe(length)
  }

  /** Sends an unordered message that may be lost. */
  send(buffer) {
    if (this.handshakeHash === null) return
    return Promise.resolve(this._sendMessage(buffer))
  }

  trySend(buffer) {
    if (this.handshakeHash !== null) this._sendMessage(buffer)
  }

  /** Resolves when the peer has everything that was written; false if it never will. */
  async flush() {
    if ((await this.opened) === false) return false
    if ((await Writable.drained(this)) === false) return false
    if (this.destroying || this.rawStream === null) return false
    return this.rawStream.flush()
  }

  toJSON() {
    return {
      isInitiator: this.isInitiator,
      publicKey: this.publicKey && b4a.toString(this.publicKey, 'hex'),
      remotePublicKey: this.remotePublicKey && b4a.toString(this.remotePublicKey, 'hex'),
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      rawStream: this.rawStream === null ? null : this.rawStream.toJSON()
    }
  }

  // What the core says.

  /** The core knows this stream under a number from here on. */
  _attach(conn) {
    this._conn = conn
  }

  /** Keys and path are there. */
  _setup({ handshakeHash, remote, socket, localId, remoteId }) {
    this.handshakeHash = handshakeHash
    this.rawStream = new RawStream(this, {
      socket: this._dht._socket(socket),
      localId,
      remoteId,
      remote
    })
    if (this.timeout) this._startTimeout()
  }

  _onopened(transport) {
    if (this.destroying) return
    this._setup(transport)
    try {
      this.emit('handshake')
    } finally {
      this._continueOpening()
    }
  }

  /** Streamx may have asked to open it before keys and path were there. */
  _continueOpening() {
    if (this._openDone !== null && !this.destroying) this._open(this._takeOpenDone())
  }

  _ondata(data) {
    if (this.destroying) return
    // asked first: a listener may give the memory away
    const { byteLength } = data
    this._bytesRead += byteLength + SEAL
    if (this._timeoutTimer !== null) this._lastData = Date.now()
    if (this.push(data)) {
      this._dht._dispatcher.consumed(this._conn, byteLength)
      return
    }
    this._holding = true
    this._unread += byteLength
  }

  _onmessage(data) {
    if (!this.destroying && this.enableSend) this.emit('message', data)
  }

  /** Whether the application may write again. */
  _ondrained(bytes) {
    // the core counts its own keep-alives as well
    this._outstanding = Math.max(0, this._outstanding - bytes)
    return this._outstanding < HIGH_WATER_MARK && this._continueWrite(null)
  }

  _onremoteend() {
    if (this.destroying) return
    this._ended--
    this.push(null)
  }

  /** The core has forgotten this stream: with an error if it broke. */
  _onclosed(err) {
    try {
      if (this.rawStream !== null) this.rawStream._close()
    } finally {
      this._conn = -1
      if (err !== null) this.destroy(err)
      else if (this._ended !== 0) this.destroy()
    }
  }

  _onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    if (this._holepunch === null) return true
    return this._holepunch(remoteFirewall, localFirewall, remoteAddresses, localAddresses)
  }

  // What streamx asks for.

  _open(cb) {
    if (this.handshakeHash === null) {
      this._openDone = cb
      return
    }
    this.connected = true
    this._resolveOpened(true)
    try {
      this.emit('connect')
    } finally {
      cb(null)
    }
  }

  _read(cb) {
    if (this._holding && this._conn !== -1) {
      this._dht._dispatcher.consumed(this._conn, this._unread)
      this._holding = false
      this._unread = 0
    }
    cb(null)
  }

  _writev(batch, cb) {
    const bad = batch.findIndex(data => invalid(data) !== null)
    const good = bad === -1 ? batch : batch.slice(0, bad)
    for (const { byteLength } of good) {
      this._bytesWritten += byteLength + FRAME
      this._outstanding += byteLength + FRAME
    }
    if (good.length > 0 && this._conn !== -1) this._dht._native.writev(this._conn, good)

    if (bad !== -1) cb(invalid(batch[bad]))
    else if (this._outstanding < HIGH_WATER_MARK || this._conn === -1) cb(null)
    else this._writeDone = cb
  }

  _final(cb) {
    this._ended--
    this.keepAlive = 0
    this._command('end', {})
    cb(null)
  }

  _predestroy() {
    this._command('destroyConn', {})
    const done = this._takeOpenDone()
    if (done !== null) done(new Error('Stream destroyed'))
    this._continueWrite(new Error('Stream destroyed'))
  }

  _destroy(cb) {
    this._clearTimeout()
    if (this.rawStream !== null) this.keepAlive = 0
    this._resolveOpened(false)
    cb(null)
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

  _command(name, message) {
    if (this._conn !== -1) this._dht._native.command(name, { conn: this._conn, ...message })
  }

  _sendMessage(buffer) {
    if (this._conn === -1 || this.destroying) return false
    const data = toBuffer(buffer)
    const error = invalid(data)
    if (error !== null) throw error
    this._dht._native.sendMessage(this._conn, data)
    return true
  }

  _inspectTransport() {
    return this._conn === -1 ? null : this._dht._native.inspect('transport', this._conn)
  }

  _startTimeout() {
    this._lastData = Date.now()
    this._lastKeepAlive = this.rawStream.keepAlivesReceived
    this._waitForTimeout(interval(this.timeout))
  }

  _waitForTimeout(ms) {
    this._timeoutTimer = setTimeout(() => this._ontimeout(), ms)
    if (this._timeoutTimer.unref) this._timeoutTimer.unref()
  }

  _ontimeout() {
    const left = this._lastData + interval(this.timeout) - Date.now()
    if (this.rawStream.keepAlivesReceived !== this._lastKeepAlive) this._startTimeout()
    else if (left > 0) this._waitForTimeout(left)
    else this.destroy(new Error('Stream timed out'))
  }

  _clearTimeout() {
    if (this._timeoutTimer === null) return
    clearTimeout(this._timeoutTimer)
    this._timeoutTimer = null
    this.timeout = 0
  }
}

/** Unsent bytes above which a write waits. */
const HIGH_WATER_MARK = 256 * 1024

/** Tag and authenticator of a sealed message. */
const SEAL = 17

/** A sealed message with its length in front. */
const FRAME = SEAL + 3

/** The length has 24 bits. */
const MAX_ATOMIC_WRITE = 256 * 256 * 256 - 1

function toBuffer(data) {
  return typeof data === 'string' ? b4a.from(data) : data
}

function invalid(data) {
  if (!isBytes(data)) return new TypeError('A message must be a string or a buffer')
  if (data.byteLength + SEAL <= MAX_ATOMIC_WRITE) return null
  return new Error(
    `Message is too large for an atomic write. Max size is ${MAX_ATOMIC_WRITE} bytes.`
  )
}

standIn(module.exports.prototype, 'connection', ['start'])
