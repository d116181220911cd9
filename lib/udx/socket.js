const { EventEmitter } = require('events')
const ip = require('./ip')
const { engineOf, keepEngine } = require('./engine')
const { isBytes } = require('../util/bytes')
const { Measurement, NO_TRAFFIC, keepMeasurement } = require('./measurement')
const { measurementOf, showNumbers } = require('./measurement')

const STATE = Symbol('state')

/** A UDP socket. It carries UDX streams and datagrams of the program, or those of a node. */
module.exports = class UDXSocket extends EventEmitter {
  /**
   * @param {import('./udx')} udx
   * @param {{ ipv6Only?: boolean, reuseAddress?: boolean }} [opts]
   * @param {object | null} [bound] a socket that a node has bound: its id, its address, and the
   *   engine of the node, which may be another than that of the instance
   */
  constructor(udx, opts = {}, bound = null) {
    super()

    this.udx = udx
    this.userData = null

    keepEngine(this, bound?.engine || engineOf(udx))
    this[STATE] = new State(this, opts, bound)
    keepMeasurement(this, new Measurement(this[STATE], NO_TRAFFIC))
  }

  /** The number by which the core knows the socket. -1 before it is bound. */
  get id() {
    return this[STATE].id
  }

  get bound() {
    return this[STATE].address !== null
  }

  get closing() {
    return this[STATE].closing !== null
  }

  /** The streams on the socket, those of connections included. */
  get streams() {
    return this[STATE].showStreams()
  }

  get idle() {
    return this[STATE].streamCount === 0
  }

  get busy() {
    return this[STATE].streamCount > 0
  }

  address() {
    const { address } = this[STATE]
    return address === null ? null : { ...address }
  }

  toJSON() {
    const { ipv6Only, reuseAddress } = this[STATE]
    return {
      bound: this.bound,
      closing: this.closing,
      streams: this[STATE].streamCount,
      address: this.address(),
      ipv6Only,
      reuseAddress,
      idle: this.idle,
      busy: this.busy
    }
  }

  /** Binds the socket: by default to any port, of both families where the system has IPv6. */
  bind(port, host) {
    if (this.bound) throw new Error('Already bound')
    if (this.closing) throw new Error('Socket is closed')
    this[STATE].bind(port || 0, host)
    this.emit('listening')
  }

  /** Resolves when the last stream has left the socket, and its port is free. */
  async close() {
    return this[STATE].close()
  }

  /** Sends a datagram, and binds the socket before if it is not. */
  async send(buffer, port, host, ttl) {
    return this[STATE].send(buffer, port, host, ttl)
  }

  trySend(buffer, port, host, ttl) {
    this[STATE].send(buffer, port, host, ttl)
  }

  setTTL(ttl) {
    const native = this[STATE].native()
    if (!(ttl > 0 && ttl < 256)) throw invalid()
    native.setTtl(this.id, ttl)
  }

  /** Bytes of the system's buffer for datagrams that were not read yet. */
  getRecvBufferSize() {
    return this[STATE].native().recvBufferSize(this.id)
  }

  /** The system may grant less. Linux reports twice what it was asked for. */
  setRecvBufferSize(size) {
    const native = this[STATE].native()
    checkSize(size)
    native.setRecvBufferSize(this.id, size)
  }

  getSendBufferSize() {
    return this[STATE].native().sendBufferSize(this.id)
  }

  setSendBufferSize(size) {
    const native = this[STATE].native()
    checkSize(size)
    native.setSendBufferSize(this.id, size)
  }

  addMembership(group, ifaceAddress) {
    this[STATE].native().setMembership(this.id, group, ifaceAddress || '', true)
  }

  dropMembership(group, ifaceAddress) {
    this[STATE].native().setMembership(this.id, group, ifaceAddress || '', false)
  }
}

/** What a socket does with the core. */
class State {
  constructor(socket, { ipv6Only, reuseAddress }, bound) {
    this.ipv6Only = ipv6Only === true
    this.reuseAddress = reuseAddress === true
    this.id = bound === null ? -1 : bound.id
    this.address = bound === null ? null : bound.address
    this.closing = null
    /** The parts of the engine, while the socket is open. */
    this.parts = bound === null ? null : engineOf(socket).parts

    this.streams = new Set()
    /** Connections whose stream no program has looked at. */
    this.unseen = new Set()
    this.isWatched = false // a program may keep the set of streams

    this._socket = socket
    this._engine = engineOf(socket)
    this._isForeign = bound !== null
    this._isClosed = false
  }

  get streamCount() {
    return this.streams.size + this.unseen.size
  }

  showStreams() {
    this.isWatched = true
    for (const raw of this.unseen) raw.create()
    return this.streams
  }

  /** The native engine. Throws if the socket is not open. */
  native() {
    if (this.id === -1) throw new Error('Socket not active')
    if (this.parts === null || this._isClosed) throw coded('EBADF', 'bad file descriptor')
    return this.parts.native
  }

  bind(port, host) {
    const family = host ? ip.isIP(host) : 0
    if (host && !family) throw new Error(`${host} is not a valid IP address`)

    const parts = this._engine.use()
    try {
      this.address = host ? this._bind(parts, port, host, family) : this._bindAny(parts, port)
    } catch (err) {
      this._engine.release()
      throw err
    }
    this.parts = parts
    parts.sockets.add(this.id, this._socket)
  }

  close() {
    if (this.closing !== null) return this.closing
    if (this._isForeign) throw coded('EBUSY', 'The node has to close this socket')
    this.closing = new Promise(resolve => this._socket.once('close', resolve))
    this.closeIfIdle()
    return this.closing
  }

  /** Closes the socket if it should close and no stream is left. Returns whether it is closed. */
  closeIfIdle() {
    if (this._isClosed || this.closing === null || this._isForeign) return this._isClosed
    if (this.parts === null) {
      this._isClosed = true
      this._socket.emit('close')
    } else if (this._socket.idle) {
      measurementOf(this._socket).stop()
      this._isClosed = true
      this.parts.native.command('host', { command: { kind: 'closeSocket', socket: this.id } })
    }
    return this._isClosed
  }

  /** A stream has left. Returns whether the socket closes with it. */
  onleft() {
    if (!this._isForeign) return this.closeIfIdle()
    this.parts.sockets.onleft(this._socket)
    return this._isClosed
  }

  /** A node has closed its socket. The address stays readable, as in the reference. */
  onnodeclosed() {
    measurementOf(this._socket).stop()
    this.closing ||= Promise.resolve()
    this._isClosed = true
  }

  /** The core has closed the socket. */
  onclosed() {
    this.parts = null
    this._isClosed = true
    this.closing ||= Promise.resolve()
    this._engine.release()
    this._socket.emit('close')
  }

  send(buffer, port, host, ttl) {
    if (this.closing !== null) return false

    if (!host) host = '127.0.0.1'
    const family = ip.isIP(host)
    if (!family) throw new Error(`${host} is not a valid IP address`)
    if (!(port >= 0 && port < 65536)) throw new Error(`${port} is not a valid port`)
    if (!isBytes(buffer)) throw new TypeError('A datagram must be a buffer')

    if (!this._socket.bound) this._socket.bind(0)
    return this.parts.native.sendDatagram(this.id, { host, family, port }, ttl || 0, buffer)
  }

  measure() {
    const traffic = this.parts?.native.inspect('traffic', this.id)
    return traffic ? { ...NO_TRAFFIC, ...traffic } : null
  }

  _bindAny(parts, port) {
    try {
      return this._bind(parts, port, '::', 6)
    } catch (err) {
      if (parts.native.isRefusal(err)) throw err
      return this._bind(parts, port, '0.0.0.0', 4)
    }
  }

  _bind({ native }, port, host, family) {
    const { ipv6Only, reuseAddress } = this
    this.id = native.bindSocket(host, port, ipv6Only, reuseAddress)
    return { host, family, port: native.inspect('localAddress', this.id).port }
  }
}

function checkSize(bytes) {
  if (!(Number.isSafeInteger(bytes) && bytes > 0 && bytes <= MAX_BUFFER)) throw invalid()
}

function invalid() {
  return coded('EINVAL', 'invalid argument')
}

function coded(code, message) {
  const err = new Error(message)
  err.code = code
  return err
}

/** The system takes the size of a buffer as a number of 31 bits. */
const MAX_BUFFER = 0x7fffffff

/** Adds a stream that is connected to a socket. */
module.exports.addStream = function addStream(socket, stream) {
  add(socket, socket[STATE].streams, stream)
}

/** Removes a stream that has closed, or moved to another socket. */
module.exports.removeStream = function removeStream(socket, stream) {
  remove(socket, socket[STATE].streams, stream)
}

/** Adds a connection whose stream is created when a program looks at it. */
module.exports.addUnseen = function addUnseen(socket, raw) {
  add(socket, socket[STATE].unseen, raw)
  if (socket[STATE].isWatched) socket[STATE].showStreams()
}

/** Removes a connection that has closed, or whose stream was created. */
module.exports.removeUnseen = function removeUnseen(socket, raw) {
  remove(socket, socket[STATE].unseen, raw)
}

/** The core has closed a socket that the program had bound. */
module.exports.onclosed = socket => socket[STATE].onclosed()

/** A node has closed one of its sockets. */
module.exports.onnodeclosed = socket => socket[STATE].onnodeclosed()

showNumbers(module.exports, NO_TRAFFIC)

function add(socket, set, stream) {
  if (set.has(stream)) return
  set.add(stream)
  if (socket[STATE].streamCount === 1) socket.emit('busy')
}

function remove(socket, set, stream) {
  if (!set.delete(stream)) return
  const isClosed = socket[STATE].onleft()
  if (socket.idle && !isClosed) socket.emit('idle')
}
