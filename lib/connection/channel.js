const { getStreamError } = require('streamx')
const Link = require('../udx/link')
const context = require('../native/context')
const { interval } = require('../util/check')

/** The link between a connection and the core. It counts the bytes of frames. */
module.exports = class Channel extends Link {
  /** @param {import('../dht/internals')} internals */
  constructor(internals) {
    super(internals, FRAME)

    this.rawStreams = internals.rawStreams
    this.udx = internals.udx
    this.engine = internals.engine
    /** Bytes of frames. Keep-alives are not included. */
    this.bytesWritten = 0
    this.bytesRead = 0

    this._idle = null
    this._raw = NO_RAW_STREAM
    this._onsetup = null
    this._handshake = null // which the program makes
    this._onpath = noop
    this._earlyPath = null // of a connection that its server has not let in yet
    this._holepunch = null
    this._openDone = null
  }

  /**
   * @param {import('./secret-stream')} stream reads and writes here
   * @param {object} its
   * @param {import('./idle-timeout')} its.idle
   * @param {(opened: object, made: object | null) => void} its.onsetup called when the handshake
   *   is complete; `made` is the result, if the program has made it
   * @param {(path: object) => void} its.onpath called when packets go elsewhere
   * @param {Function | null} its.holepunch decides whether to punch
   */
  attach(stream, { idle, onsetup, onpath, holepunch }) {
    this.stream = stream
    this._idle = idle
    this._onsetup = onsetup
    this._onpath = onpath
    this._holepunch = holepunch
  }

  /**
   * Adds the raw stream, which hears of everything before the connection does.
   *
   * @param {typeof NO_RAW_STREAM} handlers
   */
  attachRaw(handlers) {
    this._raw = handlers
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
    this.context = context.capture()
    this.begin('connect', { remotePublicKey, options })
  }

  /** The handshake of a server is complete. The path may have changed since. */
  setup(opened) {
    const path = this._earlyPath
    const moved = path && { path, socket: path.socket, remote: path.remote }
    this._onsetup(moved ? { ...opened, ...moved } : opened, null)
  }

  /** Opens the stream, if streamx has asked for it before the handshake was complete. */
  continueOpening() {
    if (this._openDone !== null && !this.stream.destroying) this._takeOpenDone()(null)
  }

  /** Calls `done` when the connection has opened, or with an error if it is destroyed before. */
  open(done) {
    this._openDone = done
  }

  give(messages, bytes) {
    this.bytesWritten += bytes
    super.give(messages, bytes)
  }

  setKeepAlive(ms) {
    this.command('setKeepAlive', { interval: interval(ms) })
  }

  end() {
    this._raw.onend()
    super.end()
  }

  destroy() {
    super.destroy()
    this._raw.onclosed(getStreamError(this.stream))
    const done = this._takeOpenDone()
    if (done !== null) done(new Error('Stream destroyed'))
  }

  // Events of the core.

  onopened(opened) {
    // here the caller of `connect` has what it asked for
    this.context = null
    if (this.stream.destroying) return
    const made = this._handshake === null ? null : this._handshake.result
    this._handshake = null // it has secrets
    this._onsetup(opened, made)
    try {
      this.stream.emit('handshake')
    } finally {
      this.continueOpening()
    }
  }

  ondata(data) {
    if (this.stream.destroying) return
    this.bytesRead += data.byteLength + SEAL
    this._idle.ondata()
    super.ondata(data)
  }

  onmessage(data) {
    if (this.stream.enableSend) super.onmessage(data)
  }

  /** A message that the peer has sent without the secret stream. */
  onrawmessage(data) {
    if (!this.stream.destroying) this._raw.onmessage(data)
  }

  /** Packets go elsewhere from here on. */
  onpathchanged(path) {
    if (this.stream.destroying) return
    if (this._raw === NO_RAW_STREAM) {
      this._earlyPath = path
      return
    }
    this._raw.onmoved(path)
    this._onpath(path)
  }

  /** The peer has what was sent before packets went elsewhere. */
  onremotechanged() {
    if (!this.stream.destroying) this._raw.onremotechanged()
  }

  onremoteend() {
    if (!this.stream.destroying) this._raw.onremoteend()
    super.onremoteend()
  }

  /**
   * The core has forgotten this connection.
   *
   * @param {Error | null} err null unless the connection broke
   * @param {object | null} [stats] of the transport; null if the connection never opened
   */
  onclosed(err, stats = null) {
    this.forget()
    this.context = null
    try {
      this._raw.onclosed(err, stats)
    } finally {
      if (err !== null) this.stream.destroy(err)
      else if (!this.isOver) this.stream.destroy()
    }
  }

  onhandshake(question) {
    return this._handshake.answer(question)
  }

  onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    if (this._holepunch === null) return true
    const addresses = [remoteAddresses, localAddresses]
    return this._holepunch.call(this.stream, remoteFirewall, localFirewall, ...addresses)
  }

  _takeOpenDone() {
    const done = this._openDone
    this._openDone = null
    return done
  }
}

/** Tag and authenticator of a sealed message. */
const SEAL = 17

/** A sealed message with its length in front. */
const FRAME = SEAL + 3

function noop() {}

/** What a raw stream hears, before there is one. */
const NO_RAW_STREAM = {
  onmessage: noop,
  onmoved: noop,
  onremotechanged: noop,
  onremoteend: noop,
  onend: noop,
  onclosed: noop
}

module.exports.SEAL = SEAL
module.exports.FRAME = FRAME
