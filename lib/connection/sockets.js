const UDXSocket = require('./udx-socket')
const { measurementOf } = require('./measurement')

/** The socket objects of a node. At most one object is kept for each socket of the core. */
module.exports = class Sockets {
  /**
   * @param {import('../native/native')} native
   * @param {boolean} isDualStack
   */
  constructor(native, isDualStack) {
    this._native = native
    this._isDualStack = isDualStack
    this._byId = new Map()
    this._left = new Map() // sockets that were left lately: the core may use them again
  }

  /** The socket from which a firewalled node sends its requests. */
  get client() {
    return this._byId.get(CLIENT) || null
  }

  /** The socket at which other nodes reach an open node. */
  get server() {
    return this._byId.get(SERVER) || null
  }

  /** The number of sockets that exist only for connections that were punched. */
  get passing() {
    return this._byId.size - MAIN.length
  }

  /** The object of a socket. If it does not exist yet, a new one is returned and not kept. */
  view(id) {
    return this._byId.get(id) || this._create(id)
  }

  /** @throws {TypeError} if the socket is not one of this node */
  idOf(socket) {
    if (this._byId.get(socket.id) === socket) return socket.id
    throw new TypeError(NOT_OURS)
  }

  /**
   * The same as `idOf`, also for a socket that was viewed and not kept.
   *
   * @throws {TypeError} if it is no socket
   */
  idOfViewed(socket) {
    if (socket instanceof UDXSocket) return socket.id
    throw new TypeError(NOT_OURS)
  }

  /** Adds a stream to its socket and returns the socket, which is kept while it has streams. */
  attach(id, stream) {
    const socket = this._open(id)
    socket.streams.add(stream)
    return socket
  }

  detach(socket, stream) {
    socket.streams.delete(stream)
    if (!socket.idle || socket.id <= SERVER) return
    this._byId.delete(socket.id)
    this._left.set(socket.id, socket)
    if (this._left.size > MAX_LEFT) this._left.delete(this._left.keys().next().value)
  }

  /** Makes new objects for the two main sockets. */
  bindMain() {
    for (const id of MAIN) {
      this._byId.delete(id)
      this._open(id)
    }
  }

  closeMain() {
    for (const id of MAIN) this._close(this._byId.get(id))
  }

  close() {
    for (const socket of this._byId.values()) this._close(socket)
    this._left.clear()
  }

  _open(id) {
    let socket = this._byId.get(id)
    if (socket) return socket
    socket = this._left.get(id) || this._create(id)
    this._left.delete(id)
    this._byId.set(id, socket)
    return socket
  }

  _create(id) {
    const address = this._native.inspect('localAddress', id)
    const family = this._isDualStack ? { host: '::', family: 6 } : { family: 4 }
    const bound = address && { host: address.host, ...family, port: address.port }
    return new UDXSocket(id, bound, {
      measure: () => this._native.inspect('traffic', id),
      bufferSize: receive => this._native.bufferSize(id, receive),
      setBufferSize: (receive, size) => this._native.setBufferSize(id, receive, size)
    })
  }

  // The address stays readable, as in the reference.
  _close(socket) {
    measurementOf(socket).stop()
    socket.closing = true
  }
}

/** A socket that is left stays open for seconds, and only where both ends want to use it again. */
const MAX_LEFT = 64

const NOT_OURS = 'socket must be a socket of this node'

/** Numbers of the two main sockets, which every node has unless it sleeps. */
const CLIENT = 0
const SERVER = 1
const MAIN = [CLIENT, SERVER]
