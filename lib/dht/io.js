// A view of the lower part of a node, which is in the core, for programs.

const ManualRequest = require('../request/manual-request')
const NetworkInterfaces = require('../udx/network-interfaces')
const { internalsOf, keepInternals } = require('../util/internals')
const { isBytes } = require('../util/bytes')
const { receive } = require('../request/incoming-defaults')
const { toInflight } = require('../request/inflight')

/** The sockets, and the requests that wait for an answer. */
module.exports = class IO {
  /**
   * @param {import('./internals')} internals
   * @param {object} config
   */
  constructor(internals, { portFrom, portTo, maxWindow }) {
    const { dht, engine, native, sockets, udx } = internals
    this.portRange = [portFrom, portTo]
    this.congestion = { _maxWindow: maxWindow }
    this.udx = udx
    this._networkInterfaces = null // most programs never ask
    this._engine = engine
    this._dht = dht
    this._native = native
    this._sockets = sockets
    keepInternals(this, internals)
  }

  get table() {
    return this._dht.table
  }

  get networkInterfaces() {
    this._networkInterfaces ||= new NetworkInterfaces(this._engine).watch()
    return this._networkInterfaces
  }

  get clientSocket() {
    return this._sockets.client
  }

  get serverSocket() {
    return this._sockets.server
  }

  get firewalled() {
    return this._dht.firewalled
  }

  get ephemeral() {
    return this._dht.ephemeral
  }

  get suspended() {
    return this._dht.suspended
  }

  /** Requests that were neither answered nor given up. */
  get inflight() {
    return (this._native.inspect('inflight') || []).map(toInflight)
  }

  /** The transaction id of the next request, unless the core needs random numbers before. */
  get _tid() {
    return this._native.inspect('nextTid') || 0
  }

  get stats() {
    const { requests, commands } = this._dht.stats
    return { requests, commands: Object.values(commands) }
  }

  /** Resolves when the sockets are bound. */
  bind() {
    return this._dht.bind()
  }

  /** Suspends the node. */
  async suspend(opts) {
    return this._dht.suspend(opts)
  }

  async resume(opts) {
    return this._dht.resume(opts)
  }

  /** Destroys the node. */
  async destroy() {
    return this._dht.destroy({ force: true })
  }

  /**
   * A request that the program sends itself, with `send`. Null when the node is destroyed.
   *
   * @returns {ManualRequest | null}
   */
  createRequest(to, token, internal, command, target, value, session, ttl) {
    if (this._dht.destroyed) return null
    const message = { internal: !!internal, command, target, token, value }
    return new ManualRequest(internalsOf(this), message, to, { session, ttl })
  }

  /** Handles a datagram as one that has arrived at this socket. */
  onmessage(socket, buf, rinfo) {
    if (isBytes(buf) && !(rinfo?.port > 0)) return
    receive(internalsOf(this), socket, buf, rinfo)
  }
}
