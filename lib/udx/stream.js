const b4a = require('b4a')
const { Duplex, Writable } = require('streamx')
const RawLink = require('./raw-link')
const ip = require('./ip')
const { addStream, removeStream } = require('./socket')
const { engineOf, keepEngine } = require('./engine')
const { interval } = require('../util/check')
const { isBytes } = require('../util/bytes')
const { NO_TRANSPORT, keepMeasurement, measurementOf, showNumbers } = require('./measurement')

const LINK = Symbol('link')

/** A UDX stream: reliable, ordered bytes, and messages that may be lost. */
module.exports = class UDXStream extends Duplex {
  /**
   * @param {import('./udx')} udx
   * @param {number} id by which the peer addresses the stream
   * @param {object} [opts]
   * @param {boolean} [opts.framed] whether frames are delivered in one piece
   * @param {Function} [opts.firewall] decides on packets that arrive on other sockets
   * @param {number} [opts.seq] the sequence number of the first packet
   * @param {object} [link] the link of a stream that the core has already
   * @param {object} [engine] that of a node, which may be another than that of the instance
   */
  constructor(udx, id, opts = {}, link = null, engine = engineOf(udx)) {
    super({ mapWritable: toBuffer, eagerOpen: true })

    this.udx = udx
    this.socket = null
    this.id = id
    this.remoteId = 0
    this.remoteHost = null
    this.remoteFamily = 0
    this.remotePort = 0
    this.userData = null

    // programs that show statistics count the writes that are not acknowledged
    this._wreqs = []
    this._wfree = []
    this._closed = false
    this._firewall = opts.firewall || rejectAll
    this._destroyDone = null // streamx destroys a stream whose two ends have ended
    this._remoteChanging = null
    this._earlyChanges = 0 // that the core will report, and the program knows of
    this._previousSocket = null

    keepEngine(this, engine)
    this[LINK] = link || this._createLink(opts)
    if (link !== null) link.attach(this, this._handlers())
    keepMeasurement(this, this[LINK].measurement)
  }

  get connected() {
    return this.socket !== null
  }

  get localHost() {
    return this.socket ? this.socket.address().host : null
  }

  get localFamily() {
    return this.socket ? this.socket.address().family : 0
  }

  get localPort() {
    return this.socket ? this.socket.address().port : 0
  }

  /** A hint to send small packets at once. It has no effect, because the core always does so. */
  setInteractive() {}

  /** Sends a heartbeat when nothing was sent for so many milliseconds. 0 is never. */
  setKeepalive(timeoutMs) {
    if (!this._closed) this[LINK].setHeartbeat(interval(timeoutMs))
  }

  /** Connects the stream to a stream of a peer. */
  connect(socket, remoteId, port, host, opts = {}) {
    if (this._closed) return

    if (this.connected) throw new Error('Already connected')
    if (socket.closing) throw new Error('Socket is closed')
    if (typeof host === 'object') {
      opts = host
      host = null
    }
    const address = checkRemote(port, host)
    if (engineOf(socket) !== engineOf(this)) {
      throw new Error('Cannot connect to a socket on another UDX instance')
    }

    if (!socket.bound) socket.bind(0)
    this._setRemote(socket, remoteId, address)
    this[LINK].connect({ socket: socket.id, address, id: remoteId >>> 0 }, opts?.ack >>> 0)
    addStream(socket, this)

    this.emit('connect')
  }

  /**
   * Sends the packets elsewhere from here on.
   *
   * @returns {Promise<void>} resolves when the peer has received what was sent before
   */
  changeRemote(socket, remoteId, port, host) {
    if (this._remoteChanging) throw new Error('Remote already changing')

    if (!this.connected) throw new Error('Not yet connected')
    if (socket.closing) throw new Error('Socket is closed')
    if (engineOf(socket) !== engineOf(this)) {
      throw new Error('Cannot change to a socket on another UDX instance')
    }
    const address = checkRemote(port, host)

    if (!socket.bound) socket.bind(0)
    this._move(socket, remoteId, address)
    const isDone = !this[LINK].hasUnacknowledged
    const changing = new Promise((resolve, reject) => {
      this._remoteChanging = { resolve, reject }
    })
    this[LINK].changeRemote({ socket: socket.id, address, id: remoteId >>> 0 })
    if (isDone) {
      this._earlyChanges++
      this._finishChange()
    }
    return changing
  }

  /** From here on, forwards the packets of the peer to the peer of another stream. */
  relayTo(destination) {
    if (this._closed) return
    if (!(destination instanceof UDXStream) || engineOf(destination) !== engineOf(this)) {
      throw new TypeError('destination must be a stream of the same UDX instance')
    }
    this[LINK].relayTo(destination[LINK].conn)
  }

  /** Sends an unordered message. It may be lost. */
  async send(buffer) {
    return this._sendMessage(buffer)
  }

  trySend(buffer) {
    this._sendMessage(buffer)
  }

  /** Resolves with true when the peer has acknowledged everything written, false if it cannot. */
  async flush() {
    if ((await Writable.drained(this)) === false) return false
    if (this.destroying) return false
    return this.connected ? this[LINK].flush() : true
  }

  toJSON() {
    return {
      id: this.id,
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      remoteId: this.remoteId,
      remoteHost: this.remoteHost,
      remoteFamily: this.remoteFamily,
      remotePort: this.remotePort,
      mtu: this.mtu,
      rtt: this.rtt,
      cwnd: this.cwnd,
      inflight: this.inflight,
      socket: this.socket ? this.socket.toJSON() : null
    }
  }

  // Called by streamx.

  _read(cb) {
    this[LINK].resume()
    cb(null)
  }

  _writev(batch, cb) {
    if (!this.connected) throw notConnected()
    const bad = batch.findIndex(data => !isBytes(data))
    if (bad === -1) return this[LINK].write(batch, cb)
    const error = new TypeError('Written data must be a string or a buffer')
    this[LINK].write(batch.slice(0, bad), err => cb(err || error))
  }

  _final(cb) {
    this[LINK].end()
    cb(null)
  }

  _predestroy() {
    if (!this._closed) this[LINK].destroy()
    this._leave()
  }

  _destroy(cb) {
    if (this.connected) this._destroyDone = cb
    else cb(null)
  }

  // Events of the core, which the link passes on.

  _onfirewall(socket, { host, family, port }) {
    // the stream may have been connected since the packet arrived
    if (this.socket === socket) return true
    if (port === 0 || this._closed) return false
    return !this._firewall(socket, port, host, family)
  }

  // The core has moved the stream by itself.
  _onmoved(socket, address) {
    if (!this._closed) this._move(socket, this.remoteId, address)
  }

  _onremotechanged() {
    if (this._earlyChanges > 0) this._earlyChanges--
    else if (!this._closed) this._finishChange()
  }

  _finishChange() {
    this._leavePrevious()
    const changing = this._remoteChanging
    this._remoteChanging = null
    this.emit('remote-changed')
    changing?.resolve()
  }

  _onclosed(err, stats, isOver) {
    measurementOf(this).stop(stats)
    this._leave()
    const done = this._destroyDone
    this._destroyDone = null
    if (done !== null) done(err)
    else if (err !== null || !isOver) super.destroy(err || ENDED)
  }

  _handlers() {
    return {
      onfirewall: (socket, from) => this._onfirewall(socket, from),
      onmoved: (socket, address) => this._onmoved(socket, address),
      onremotechanged: () => this._onremotechanged(),
      onremoteend: () => this.push(null),
      onend: () => super.end(),
      onclosed: (err, stats = null, isOver = false) => this._onclosed(err, stats, isOver)
    }
  }

  _createLink(opts) {
    const engine = engineOf(this)
    const link = new RawLink(engine.use())
    const handlers = this._handlers()
    link.attach(this, {
      ...handlers,
      onclosed: (err, stats, isOver) => {
        engine.release()
        handlers.onclosed(err, stats, isOver)
      }
    })
    link.create({
      id: this.id >>> 0,
      seq: opts.seq >>> 0,
      framed: !!opts.framed,
      askFirewall: this._firewall !== rejectAll
    })
    return link
  }

  _sendMessage(buffer) {
    if (!this.connected || this._closed) return false
    const data = toBuffer(buffer)
    if (!isBytes(data)) throw new TypeError('A message must be a string or a buffer')
    this[LINK].sendMessage(data)
    return true
  }

  _move(socket, remoteId, address) {
    const former = this.socket
    this._setRemote(socket, remoteId, address)
    addStream(socket, this)
    if (former === socket) return
    this._leavePrevious()
    this._previousSocket = former
  }

  // A socket that the stream is on again is not left.
  _leavePrevious() {
    const previous = this._previousSocket
    this._previousSocket = null
    if (previous !== null && previous !== this.socket) removeStream(previous, this)
  }

  _setRemote(socket, remoteId, { host, family, port }) {
    this.remoteId = remoteId
    this.remotePort = port
    this.remoteHost = host
    this.remoteFamily = family
    this.socket = socket
  }

  _leave() {
    if (this._closed) return
    this._closed = true
    measurementOf(this).stop()
    const sockets = [this.socket, this._previousSocket]
    this.socket = null
    this._previousSocket = null
    this._remoteChanging?.reject(new Error('Stream is closed'))
    this._remoteChanging = null
    for (const socket of sockets) if (socket !== null) removeStream(socket, this)
  }
}

/**
 * Where a stream beside this one finds the same peer: where the peer's packets come from. If each end
 * has found a path of its own, that is not where ours go.
 *
 * @returns {{ socket: object, host: string, port: number }}
 */
module.exports.wayBack = function wayBack(stream) {
  const { socket, remoteHost: host, remotePort: port, [LINK]: link } = stream
  const found = link?.wayBack
  if (!found) return { socket, host, port }
  const { address } = found
  return { socket: link.sockets.open(found.socket), host: address.host, port: address.port }
}

// Without an error, streamx makes this one for each stream that is destroyed. Its stack trace costs
// more than the rest of a connection's end, so the streams share one.
const ENDED = Object.assign(new Error('Stream was destroyed'), { code: 'STREAM_DESTROYED' })

showNumbers(module.exports, NO_TRANSPORT)

function checkRemote(port, host) {
  if (!host) host = '127.0.0.1'
  const family = ip.isIP(host)
  if (!family) throw new Error(`${host} is not a valid IP address`)
  if (!(port > 0 && port < 65536)) throw new Error(`${port} is not a valid port`)
  return { host, family, port }
}

function notConnected() {
  const err = new Error('Writing while not connected not currently supported')
  err.code = 'ERR_ASSERTION'
  return err
}

function rejectAll() {
  return true
}

function toBuffer(data) {
  return typeof data === 'string' ? b4a.from(data) : data
}
