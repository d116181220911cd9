const { EventEmitter } = require('events')
const b4a = require('b4a')
const c = require('compact-encoding')
const deferred = require('../util/deferred')
const { copy } = require('../native/own-bytes')
const Dispatcher = require('../native/dispatcher')
const EventRouter = require('../native/event-router')
const incomingDefaults = require('../request/incoming-defaults')
const lifecycle = require('./lifecycle')
const LocalAddresses = require('./local-addresses')
const Native = require('../native/native')
const Query = require('../query/query')
const OutgoingRequests = require('../request/outgoing-requests')
const rttStats = require('../query/rtt-stats')
const Session = require('../request/session')
const Stats = require('./stats')
const IncomingSubscription = require('../request/incoming-subscription')
const Table = require('../native/table')
const { Health, IO, NodeSet, RoutingTable } = require('./views')
const UDXSocket = require('../connection/udx-socket')
const unsupported = require('../util/unsupported')
const watchTable = require('./watch-table')
const { createKeyPair } = require('../native/keys')
const { isReplaced } = require('../query/replaced')
const options = require('../util/options')
const { checkAddress, checkUint, checkValue, isIPv4 } = options

/** What every node has, whatever it is for: addresses, requests, queries, its own end. */
module.exports = class RPC extends EventEmitter {
  /** @param {import('../..').DHTOptions} [opts] */
  constructor(opts = {}) {
    super()

    const { config, bootstrapNodes, keyPair, sendDownHints, downHintsRateLimit } =
      options.node(opts)

    this.bootstrapNodes = bootstrapNodes
    this.defaultKeyPair = keyPair
    this.concurrency = config.concurrency
    this.maxPingDelay = config.maxPingDelay
    this.listening = new Set()
    this.bootstrapped = false
    this.destroyed = false
    this.suspended = false
    this.ephemeral = true
    /** Our address as others see it: null and 0 while unknown, port 0 if not the same for all. */
    this.host = config.publicAddress?.host || null
    this.port = config.publicAddress?.port || 0
    this.adaptive = config.adaptive
    this.firewalled = config.firewalled
    this.online = true
    this.degraded = false

    this._config = {
      maxWindow: config.maxWindow,
      randomPunchInterval: config.randomPunchInterval,
      sendDownHints,
      downHintsRateLimit
    }
    this._dualStack = config.dualStack
    this._connectionKeepAlive = config.connectionKeepAlive
    this._id = null
    this._persistent = null
    this._conns = new Table()
    this._servers = new Table()
    this._queries = new Table()
    this._requests = new OutgoingRequests(this)
    this._localAddresses = new LocalAddresses(this)
    this._sockets = new Map()
    this._stats = new Stats()
    this._statsInUse = false
    this._bootstrapping = deferred()
    this._gone = deferred()
    this._forced = deferred()
    this._destroying = null
    this._connectable = true
    this._asleep = false // while the core says so
    this._suspending = []
    this._resuming = []
    this._dispatcher = new Dispatcher(new EventRouter(this))
    this._native = null
    this._bindError = null
    this._bind(config)

    this.nodes = new NodeSet(this)
    this.table = new RoutingTable(this)
    this.health = new Health(this)
    this.io = new IO(this, config)
    this.udx = unsupported.udx
    this.rawStreams = unsupported.rawStreams
    watchTable(this)
    this._subscription = new IncomingSubscription(this._native)
    incomingDefaults.watch(this)
  }

  /** A node that others bootstrap from, at an address that it is known by. */
  static bootstrapper(port, host, opts) {
    if (!port) throw new Error('Port is required')
    if (!host) throw new Error('Host is required')
    if (host === '0.0.0.0' || host === '::') throw new Error('Invalid host')
    if (!isIPv4(host)) throw new Error('Host must be a IPv4 address')

    const publicAddress = checkAddress('address', { host, port })
    return new this({
      port,
      ephemeral: false,
      firewalled: false,
      anyPort: false,
      bootstrap: [],
      ...opts,
      _publicAddress: publicAddress
    })
  }

  /** Our id in the routing tables of others; null while we are in none. */
  get id() {
    return this.ephemeral ? null : this._id
  }

  /** Milliseconds between keep-alives of the connections to come; 0 is off. */
  get connectionKeepAlive() {
    return this._connectionKeepAlive
  }

  set connectionKeepAlive(ms) {
    this._connectionKeepAlive = ms
    this._native?.command('setDefaultKeepAlive', { interval: options.interval(ms) })
  }

  /** True while every peer sees us at another port. */
  get randomized() {
    return this.host !== null && this.port === 0
  }

  get socket() {
    return this._sockets.get(this.firewalled ? CLIENT_SOCKET : SERVER_SOCKET) || null
  }

  get config() {
    return {
      concurrency: this.concurrency,
      maxWindow: this._config.maxWindow,
      randomPunchInterval: this._config.randomPunchInterval,
      connectionKeepAlive: this.connectionKeepAlive,
      sendDownHints: this._config.sendDownHints,
      downHintsRateLimit: this._config.downHintsRateLimit
    }
  }

  get stats() {
    this._statsInUse = true
    this._refreshStats()
    return this._stats.numbers
  }

  /** Resolves when the sockets are bound. */
  async bind() {
    if (this._bindError !== null) throw this._bindError
  }

  async fullyBootstrapped() {
    return this._bootstrapping.promise
  }

  ready() {
    return this.fullyBootstrapped()
  }

  address() {
    return this.socket ? this.socket.address() : null
  }

  localAddress() {
    const socket = this._sockets.get(SERVER_SOCKET)
    if (!socket) return null
    return { host: this._native.inspect('localHost') || '127.0.0.1', port: socket.address().port }
  }

  /** Where strangers reach us; null if they do not. */
  remoteAddress() {
    const { host, port } = this
    const socket = this._sockets.get(SERVER_SOCKET)
    if (!host || !port || this.firewalled || !socket) return null
    return socket.address().port === port ? { host, port } : null
  }

  addNode(node) {
    const address = checkAddress('node', node)
    this._native?.command('addNode', { address })
  }

  /** The nodes of the routing table, the latest heard first. */
  toArray(opts) {
    const limit = opts?.limit ?? Infinity
    if (!(limit > 0)) return []
    const nodes = this._native?.inspect('nodes', Math.min(limit, MAX_U32)) || []
    return nodes.slice(0, limit)
  }

  query({ target, command, value = null }, opts = {}) {
    checkUint('command', command)
    // it is sent later, when the program may have given its memory away
    const sent = checkValue(value) && copy(value)
    // the core sends it again itself
    const byCore = opts?.commit === true && !isReplaced(this, 'request')
    const again = byCore ? { command, value: sent } : null
    const start = ['userQuery', { command, value: sent, commit: again }]
    const commit = again === null ? undefined : null
    return this._query({ target, start, command, value, commit }, opts)
  }

  findNode(target, opts = {}) {
    const start = ['findNode', {}]
    return this._query({ target, start, command: FIND_NODE, internal: true }, opts)
  }

  /** Asks for a random target in the background, which fills the routing table. */
  refresh() {
    if (this.destroyed) return
    const target = createKeyPair().publicKey
    RPC.prototype.findNode.call(this, target).finished().catch(noop)
  }

  request({ token = null, command, target = null, value = null }, to, opts) {
    return this._requests.send({ internal: false, command, target, token, value }, to, opts)
  }

  ping(to, opts) {
    const value = opts?.size > 0 ? b4a.alloc(opts.size) : null
    return this._requests.send(internal(PING, value), to, opts)
  }

  /**
   * A ping that the remote answers after a while.
   *
   * @throws {Error} at once, if that is longer than `maxPingDelay`
   */
  delayedPing(to, delayMs, opts) {
    if (delayMs > this.maxPingDelay) {
      throw new Error(`Delay exceeds max delay: ${this.maxPingDelay}ms`)
    }
    const value = c.encode(c.uint32, checkUint('delayMs', Math.floor(delayMs)))
    return this._requests.send(internal(DELAYED_PING, value), to, opts)
  }

  /** Requests and queries that can be ended together. */
  session() {
    return new Session(this)
  }

  /** Times and errors of a walk through the network. */
  async rttStats() {
    return rttStats(this)
  }

  /** The addresses whose hosts this host hears itself on; each host is tried once. */
  async validateLocalAddresses(addresses) {
    return this._localAddresses.validate(addresses)
  }

  /** Takes all announcements back, ends connections and requests, and closes the sockets. */
  suspend(opts) {
    return lifecycle.suspend(this, opts)
  }

  /** Binds the sockets again; servers announce in the background. */
  resume(opts) {
    return lifecycle.resume(this, opts)
  }

  /** Unannounces all servers (unless forced), closes all connections and the sockets. */
  async destroy({ force = false } = {}) {
    if (force) this._forced.resolve()
    if (this._destroying === null) this._destroying = this._destroy(force)
    return this._destroying
  }

  _bind(config) {
    try {
      this._native = new Native(config, this._dispatcher.wake)
    } catch (err) {
      this._bindError = err
      this._bootstrapping.reject(err)
      return
    }
    this._dispatcher.start(this._native)
    this._bindMainSockets()
  }

  /** New objects for the sockets that a node always has, unless it sleeps. */
  _bindMainSockets() {
    for (const id of MAIN_SOCKETS) {
      this._sockets.delete(id)
      this._socket(id)
    }
  }

  _mainSockets() {
    return MAIN_SOCKETS.map(id => this._sockets.get(id))
  }

  async _destroy(force) {
    if (!force) {
      const closing = Promise.allSettled(Array.from(this.listening, server => server.close()))
      await Promise.race([closing, this._forced.promise])
    }
    this.destroyed = true
    try {
      this._onclosing()
    } finally {
      await this._end(force)
    }
  }

  async _end(force) {
    if (this._native !== null) {
      for (const socket of this._sockets.values()) socket._close()
      this._native.command('destroy', { force: force || this.listening.size > 0 })
      await this._gone.promise
      this._native.close()
      this._dispatcher.close()
      lifecycle.release(this, null)
    }
    this._bootstrapping.reject(new Error('Node was destroyed'))
    this.emit('close')
  }

  /** What a subclass has to end before its sockets close. */
  _onclosing() {}

  _query(what, opts) {
    if (this.destroyed) throw new Error('Node destroyed')
    return new Query(this, what, opts || {})
  }

  /** The one object for a socket of the core. */
  _socket(id) {
    let socket = this._sockets.get(id)
    if (socket) return socket
    socket = UDXSocket.of(this, id, id > SERVER_SOCKET)
    this._sockets.set(id, socket)
    return socket
  }

  /** The same object, which is not kept if it is new. */
  _socketView(id) {
    return this._sockets.get(id) || UDXSocket.of(this, id, id > SERVER_SOCKET)
  }

  _socketId(socket) {
    if (this._sockets.get(socket.id) === socket) return socket.id
    throw new TypeError('socket must be a socket of this node')
  }

  _refreshStats() {
    const counted = this._native?.inspect('stats')
    if (counted) this._stats.refresh(counted)
  }

  /** Adds what the core had counted when it told its latest event. Never waits for the core. */
  _followStats() {
    const counted = this._native.inspect('changedStats')
    if (counted) this._stats.refresh(counted)
  }

  /** Counts of live objects, in the core and here: all return to 0. */
  _live() {
    return {
      ...this._native?.inspect('live'),
      jsConnections: this._conns.size,
      jsServers: this._servers.size,
      jsQueries: this._queries.size,
      jsRequests: this._requests.size,
      jsSockets: this._sockets.size - MAIN_SOCKETS.length
    }
  }
}

/** Numbers of the two sockets that a node always has. */
const CLIENT_SOCKET = 0
const SERVER_SOCKET = 1
const MAIN_SOCKETS = [CLIENT_SOCKET, SERVER_SOCKET]

/** Internal commands of dht-rpc. */
const PING = 0
const FIND_NODE = 2
const DELAYED_PING = 4

const MAX_U32 = 0xffffffff

function internal(command, value) {
  return { internal: true, command, target: null, token: null, value }
}

function noop() {}
