const UDXSocket = require('./socket')

/** The socket objects of one engine. There is one object for each socket of the core. */
module.exports = class Sockets {
  /**
   * @param {import('../native/native')} native
   * @param {import('./udx')} udx
   * @param {import('./holds')} holds what keeps the process alive
   * @param {object} [node] a node of the DHT, which has sockets of its own
   * @param {import('./engine').NodeEngine} [node.engine] its engine
   * @param {boolean} [node.isDualStack] whether those have both families
   * @param {() => void} [node.onlistener] called when a program listens to their datagrams
   */
  constructor(native, udx, holds, node = {}) {
    this._native = native
    this._udx = udx
    this._holds = holds
    this._node = node
    this._byId = new Map()
    this._left = new Map() // sockets that were left lately: the core may use them again
    this._bound = new Map() // sockets of the program
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
    return this._bound.get(id) || this._byId.get(id) || this._create(id)
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

  /** Adds a socket that the program has bound. */
  add(id, socket) {
    this._bound.set(id, socket)
    this._holds.add()
  }

  /** The core has closed a socket that the program had bound. */
  onclosed(id) {
    const socket = this._bound.get(id)
    if (socket === undefined) return
    this._bound.delete(id)
    this._holds.remove()
    UDXSocket.onclosed(socket)
  }

  /** A datagram has arrived at a socket that the program has bound. */
  onmessage(id, data, from) {
    this._bound.get(id)?.emit('message', data, from)
  }

  /** A datagram has arrived at a socket of the node. Returns whether a program listens to any. */
  oncopy(id, data, from) {
    const heard = this._byId.get(id)?.emit('message', data, from)
    return heard || [...this._byId.values(), ...this._left.values()].some(isHeard)
  }

  /** Whether the program has bound the socket. */
  isBound(id) {
    return this._bound.has(id)
  }

  /** The object of a socket, which is kept until it has no streams. */
  open(id) {
    let socket = this._bound.get(id) || this._byId.get(id)
    if (socket) return socket
    socket = this._left.get(id) || this._create(id)
    this._left.delete(id)
    this._byId.set(id, socket)
    return socket
  }

  /** Adds a stream to its socket and returns the socket, which is kept until it has no streams. */
  attach(id, stream) {
    const socket = this.open(id)
    UDXSocket.addStream(socket, stream)
    return socket
  }

  /** A stream has left a socket of the node. A socket for punching is kept while it has streams. */
  onleft(socket) {
    if (!socket.idle || socket.id <= SERVER) return
    this._byId.delete(socket.id)
    this._left.set(socket.id, socket)
    if (this._left.size > MAX_LEFT) this._left.delete(this._left.keys().next().value)
  }

  /** Makes new objects for the two main sockets. */
  bindMain() {
    for (const id of MAIN) {
      this._byId.delete(id)
      this.open(id)
    }
  }

  closeMain() {
    for (const id of MAIN) UDXSocket.onnodeclosed(this._byId.get(id))
  }

  /** The sockets of the node close, and those of the program with them. */
  close() {
    for (const socket of this._byId.values()) UDXSocket.onnodeclosed(socket)
    this._left.clear()
  }

  /** The engine has ended. */
  release() {
    for (const id of [...this._bound.keys()]) this.onclosed(id)
    this._left.clear()
  }

  _create(id) {
    const local = this._native.inspect('localAddress', id)
    const { engine, isDualStack, onlistener = noop } = this._node
    const family = isDualStack ? { host: '::', family: 6 } : { family: 4 }
    const address = local && { host: local.host, ...family, port: local.port }
    const socket = new UDXSocket(this._udx, {}, { id, address, engine })
    socket.on('newListener', name => {
      if (name === 'message') onlistener()
    })
    return socket
  }
}

function noop() {}

function isHeard(socket) {
  return socket.listenerCount('message') > 0
}

/** A socket that is left stays open for seconds, and only where both ends want to use it again. */
const MAX_LEFT = 64

const NOT_OURS = 'socket must be a socket of this node'

/** Numbers of the two main sockets, which every node has unless it sleeps. */
const CLIENT = 0
const SERVER = 1
const MAIN = [CLIENT, SERVER]
