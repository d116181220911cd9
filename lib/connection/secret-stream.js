const b4a = require('b4a')
const { Duplex, Writable } = require('streamx')
const ConnectionPath = require('./path')
const IdleTimeout = require('./idle-timeout')
const RawSide = require('./raw-side')
const { FRAME, SEAL } = require('./channel')
const { isBytes } = require('../util/bytes')
const { interval } = require('../util/check')
const { standIn } = require('../util/unsupported')

/** An encrypted connection between two key pairs. Each write is one message. */
module.exports = class NoiseSecretStream extends Duplex {
  /**
   * @param {boolean} isInitiator
   * @param {import('./channel')} channel
   * @param {object} opts
   * @param {Buffer} opts.publicKey ours
   * @param {Buffer} opts.remotePublicKey
   * @param {number} opts.keepAlive milliseconds, 0 is off
   * @param {Function | null} [opts.holepunch] decides whether to punch
   */
  constructor(isInitiator, channel, { publicKey, remotePublicKey, keepAlive, holepunch = null }) {
    super({ mapWritable: toBuffer })

    this.noiseStream = this
    this.isInitiator = isInitiator
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

    this._channel = channel
    this._idle = new IdleTimeout(this)
    this._raw = null // before the handshake is complete, as the path
    this._path = null
    const onsetup = (opened, made) => this._setup(opened, made)
    const onpath = path => this._move(path)
    channel.attach(this, { idle: this._idle, onsetup, onpath, holepunch })

    // streamx opens a stream at the first read, but a connection opens without a reader
    this.resume()
    this.pause()
  }

  /** Bytes of frames, including keep-alives, which only the core counts. */
  get rawBytesWritten() {
    const sent = this._raw === null ? 0 : this._raw.numbers.keepAlivesSent
    return this._channel.bytesWritten + sent * FRAME
  }

  get rawBytesRead() {
    const received = this._raw === null ? 0 : this._raw.numbers.keepAlivesReceived
    return this._channel.bytesRead + received * SEAL
  }

  /** The UDX stream below this one. Null before the handshake is complete. */
  get rawStream() {
    return this._raw === null ? null : this._raw.stream
  }

  /** Where packets go, and how that path was found. Null before the connection has one. */
  get path() {
    return this._path === null ? null : this._path.show()
  }

  setTimeout(ms) {
    this._stopTimeout()
    this.timeout = ms || 0
    if (this.timeout && this._raw !== null) this._idle.start(interval(this.timeout), this._raw)
  }

  setKeepAlive(ms) {
    this.keepAlive = ms || 0
    this._channel.setKeepAlive(ms)
  }

  sendKeepAlive() {
    this.write(this.alloc(0))
  }

  /** A buffer for a message that the caller fills and writes. */
  alloc(length) {
    return b4a.allocUnsafe(length)
  }

  /** Sends an unordered message. It may be lost. */
  send(buffer) {
    if (this.handshakeHash === null) return
    return Promise.resolve(this._sendMessage(buffer))
  }

  trySend(buffer) {
    if (this.handshakeHash !== null) this._sendMessage(buffer)
  }

  /** Resolves with true when the peer has received everything written, with false if it cannot. */
  async flush() {
    if ((await this.opened) === false) return false
    if ((await Writable.drained(this)) === false) return false
    if (this.destroying || this._raw === null) return false
    return this._raw.flush()
  }

  toJSON() {
    return {
      isInitiator: this.isInitiator,
      publicKey: this.publicKey && b4a.toString(this.publicKey, 'hex'),
      remotePublicKey: this.remotePublicKey && b4a.toString(this.remotePublicKey, 'hex'),
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      rawStream: this._raw === null ? null : this._raw.stream.toJSON()
    }
  }

  // Called by streamx.

  _open(cb) {
    if (this.handshakeHash === null) this._channel.open(err => (err ? cb(err) : this._connect(cb)))
    else this._connect(cb)
  }

  _read(cb) {
    this._channel.resume()
    cb(null)
  }

  _writev(batch, cb) {
    const bad = batch.findIndex(data => invalid(data) !== null)
    if (bad === -1) return this._channel.write(batch, cb)
    const error = invalid(batch[bad])
    this._channel.write(batch.slice(0, bad), err => cb(err || error))
  }

  _final(cb) {
    this.keepAlive = 0
    this._channel.end()
    cb(null)
  }

  _predestroy() {
    this._channel.destroy()
  }

  _destroy(cb) {
    this._stopTimeout()
    if (this._raw !== null) this.keepAlive = 0
    this._resolveOpened(false)
    cb(null)
  }

  /** The handshake is complete and the path is known. */
  _setup(opened, made) {
    if (made !== null) {
      this.publicKey = made.publicKey
      this.remotePublicKey = made.remotePublicKey
    }
    this.handshakeHash = opened.handshakeHash
    this._raw = new RawSide(this, this._channel, opened)
    this._path = new ConnectionPath(opened.path, this._raw)
    if (this.timeout) this._idle.start(interval(this.timeout), this._raw)
  }

  _move(path) {
    this._path = new ConnectionPath(path, this._raw)
    this.emit('path', this.path)
  }

  _connect(cb) {
    this.connected = true
    this._resolveOpened(true)
    try {
      this.emit('connect')
    } finally {
      cb(null)
    }
  }

  _sendMessage(buffer) {
    if (this.destroying || !this._channel.isKnown) return false
    const data = toBuffer(buffer)
    const error = invalid(data)
    if (error !== null) throw error
    this._channel.sendMessage(data)
    return true
  }

  _stopTimeout() {
    if (this._idle.stop()) this.timeout = 0
  }
}

/** The length of a frame has 24 bits. */
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
