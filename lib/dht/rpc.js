const { EventEmitter } = require('events')
const b4a = require('b4a')
const c = require('compact-encoding')
const incomingDefaults = require('../request/incoming-defaults')
const lazily = require('../util/lazily')
const { copy } = require('../native/own-bytes')
const { createKeyPair } = require('../native/keys')
const { internalsOf, keepInternals } = require('../util/internals')
const { isReplaced } = require('../query/replaced')
const { nodeOptions, PUBLIC_ADDRESS } = require('./node-options')
const { checkAddress, checkUint, checkValue, interval, isIPv4 } = require('../util/check')

const partsOfNodes = lazily(() => require('./parts'))
const queries = lazily(() => require('../query/query'))
const rttStats = lazily(() => require('../query/rtt-stats'))
const sessions = lazily(() => require('../request/session'))

/** The addresses, requests, queries and lifecycle of a node. In the reference, dht-rpc has these. */
module.exports = class RPC extends EventEmitter {
  /** @param {import('../..').DHTOptions} [opts] */
  constructor(opts = {}) {
    super()

    const { Health, IO, Internals, NodeSet, NodeState, RoutingTable, watchTable } = partsOfNodes()
    const { config, udx, filterNode, protect, bootstrapNodes, keyPair, ...hints } =
      nodeOptions(opts)

    this.bootstrapNodes = bootstrapNodes
    this.defaultKeyPair = keyPair
    this.concurrency = config.concurrency
    this.maxPingDelay = config.maxPingDelay
    this.listening = new Set()
    const state = new NodeState(this, config)

    this._config = {
      maxWindow: config.maxWindow,
      randomPunchInterval: config.randomPunchInterval,
      ...hints
    }
    this._connectionKeepAlive = config.connectionKeepAlive
    const parts = { config, udx, filterNode, protect }
    const internals = new Internals(this, parts, state, () => this._onclosing())
    keepInternals(this, internals)

    const { native } = internals
    this.nodes = new NodeSet(native)
    this.table = new RoutingTable(this, native, this.nodes)
    this.health = new Health(native)
    this.io = new IO(internals, config)
    this.udx = internals.udx
    this.rawStreams = internals.rawStreams
    watchTable(this, native)
    incomingDefaults.watch(this)
  }

  /** A node that other nodes bootstrap from, at the given public address. */
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
      [PUBLIC_ADDRESS]: publicAddress
    })
  }

  /** Our id in the routing tables of other nodes. Null while the node is ephemeral. */
  get id() {
    return internalsOf(this).state.id
  }

  /** Milliseconds between keep-alives of new connections. 0 turns keep-alives off. */
  get connectionKeepAlive() {
    return this._connectionKeepAlive
  }

  set connectionKeepAlive(ms) {
    this._connectionKeepAlive = ms
    internalsOf(this).native.command('setDefaultKeepAlive', { interval: interval(ms) })
  }

  /** True while each peer sees us at a different port. */
  get randomized() {
    return this.host !== null && this.port === 0
  }

  get socket() {
    const { sockets } = internalsOf(this)
    return this.firewalled ? sockets.client : sockets.server
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
    return internalsOf(this).stats.read()
  }

  /** Programs that show statistics read `_persistent.records.size`. */
  get _persistent() {
    return internalsOf(this).state.persistent
  }

  /** Resolves when the sockets are bound. */
  async bind() {
    const { bindError } = internalsOf(this)
    if (bindError !== null) throw bindError
  }

  async fullyBootstrapped() {
    return internalsOf(this).lifecycle.bootstrapped
  }

  ready() {
    return this.fullyBootstrapped()
  }

  address() {
    return this.socket ? this.socket.address() : null
  }

  localAddress() {
    const { native, sockets } = internalsOf(this)
    if (sockets.server === null) return null
    const { port } = sockets.server.address()
    return { host: native.inspect('localHost') || '127.0.0.1', port }
  }

  /** The address at which any node reaches us. Null if there is none. */
  remoteAddress() {
    const { host, port } = this
    const socket = internalsOf(this).sockets.server
    if (!host || !port || this.firewalled || socket === null) return null
    return socket.address().port === port ? { host, port } : null
  }

  addNode(node) {
    const address = checkAddress('node', node)
    internalsOf(this).native.command('addNode', { address })
  }

  /** The nodes of the routing table. The node heard from last comes first. */
  toArray(opts) {
    const limit = opts?.limit ?? Infinity
    if (!(limit > 0)) return []
    const nodes = internalsOf(this).native.inspect('nodes', Math.min(limit, MAX_U32)) || []
    return nodes.slice(0, limit)
  }

  query({ target, command, value = null }, opts = {}) {
    checkUint('command', command)
    // copied, because it is sent later and the program may transfer the memory away before
    const sent = checkValue(value) && copy(value)
    // the core itself sends the commit
    const byCore = opts?.commit === true && !isReplaced(this, 'request')
    const again = byCore ? { command, value: sent } : null
    const { createQuery, userQuery } = queries()
    const start = userQuery(command, sent, again)
    const commit = again === null ? undefined : null
    return createQuery(this, { target, start, command, value, commit }, opts)
  }

  findNode(target, opts = {}) {
    const start = ['findNode', {}]
    return queries().createQuery(this, { target, start, command: FIND_NODE, internal: true }, opts)
  }

  /** Fills the routing table: runs a query for a random target in the background. */
  refresh() {
    if (this.destroyed) return
    const target = createKeyPair().publicKey
    RPC.prototype.findNode.call(this, target).finished().catch(noop)
  }

  request({ token = null, command, target = null, value = null }, to, opts) {
    return internalsOf(this).requests.send(
      { internal: false, command, target, token, value },
      to,
      opts
    )
  }

  ping(to, opts) {
    const value = opts?.size > 0 ? b4a.alloc(opts.size) : null
    return internalsOf(this).requests.send(internal(PING, value), to, opts)
  }

  /**
   * A ping that the remote node answers after `delayMs` milliseconds.
   *
   * @throws {Error} if the delay is longer than `maxPingDelay`
   */
  delayedPing(to, delayMs, opts) {
    if (delayMs > this.maxPingDelay) {
      throw new Error(`Delay exceeds max delay: ${this.maxPingDelay}ms`)
    }
    const value = c.encode(c.uint32, checkUint('delayMs', Math.floor(delayMs)))
    return internalsOf(this).requests.send(internal(DELAYED_PING, value), to, opts)
  }

  /** A group of requests and queries that can be ended together. */
  session() {
    const Session = sessions()
    return new Session(this)
  }

  /** Round trips and errors of one query. */
  async rttStats() {
    return rttStats()(this)
  }

  /** Returns the addresses whose hosts are this host. Each host is tried once. */
  async validateLocalAddresses(addresses) {
    return internalsOf(this).localAddresses.validate(addresses)
  }

  /** Unannounces all servers, ends connections and requests, and closes the sockets. */
  suspend(opts) {
    return internalsOf(this).lifecycle.suspend(opts)
  }

  /** Binds the sockets again. Servers announce in the background. */
  resume(opts) {
    return internalsOf(this).lifecycle.resume(opts)
  }

  /** Unannounces all servers (unless forced), closes all connections and the sockets. */
  async destroy({ force = false } = {}) {
    return internalsOf(this).lifecycle.destroy(force)
  }

  /** Called before the sockets close. A subclass ends its own resources here. */
  _onclosing() {}

  /** Counts of live objects, for tests. All are 0 after the node has closed. */
  _live() {
    return internalsOf(this).live()
  }
}

/** Internal commands of dht-rpc. */
const PING = 0
const FIND_NODE = 2
const DELAYED_PING = 4

const MAX_U32 = 0xffffffff

function internal(command, value) {
  return { internal: true, command, target: null, token: null, value }
}

function noop() {}
