// Views of a node's state for programs. The state is in the core: each read asks the core again.

const b4a = require('b4a')
const unsupported = require('../util/unsupported')
const { checkAddress, checkBytes } = require('../util/check')
const { toInflight } = require('../request/inflight')

/** A tick of 5 s with fewer answers and timeouts than this is too short of data to judge by. */
const IDLE = 4

/** Ticks by which the core judges. */
const TICKS = 4

const MAX_U32 = 0xffffffff

/** The nodes of the routing table, ordered by when they were last heard from. */
class NodeSet {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this._native = native
  }

  get length() {
    return this._latestFirst().length
  }

  get latest() {
    return this._latestFirst(1)[0] || null
  }

  get oldest() {
    return this._latestFirst().pop() || null
  }

  has({ id }) {
    return this._latestFirst().some(node => b4a.equals(node.id, id))
  }

  toArray({ limit = Infinity, reverse = false } = {}) {
    const nodes = this._latestFirst(reverse ? limit : Infinity)
    return (reverse ? nodes : nodes.reverse()).slice(0, limit)
  }

  /** Adds a node to the routing table, unless its row is full. A known one keeps its place. */
  add(node) {
    this._native.command('addNode', { address: checkAddress('node', node) })
    return node
  }

  /** Removes a node from the routing table. */
  remove(node) {
    this._native.command('removeNode', { id: checkBytes('id', node?.id, 32) })
    return node
  }

  _latestFirst(limit = Infinity) {
    const nodes = this._native.inspect('table', Math.min(limit, MAX_U32)) || []
    return nodes.map(toNode)
  }
}

/** The numbers by which the core judges `online` and `degraded` in each tick. */
class Health {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this._native = native
    this._report = { online: true, degraded: false, cold: true, responses: 0, timeouts: 0 }
  }

  get online() {
    return this._look().online
  }

  get degraded() {
    return this._look().degraded
  }

  /** True until four ticks have passed. */
  get cold() {
    return this._look().cold
  }

  get idle() {
    const { responses, timeouts } = this._look()
    return responses + timeouts < IDLE
  }

  get responses() {
    return this._look().responses
  }

  get timeouts() {
    return this._look().timeouts
  }

  get timeoutsRate() {
    const { responses, timeouts } = this._look()
    return timeouts === 0 ? 0 : timeouts / (responses + timeouts)
  }

  get stats() {
    const { online, degraded, cold, idle, responses, timeouts, timeoutsRate } = this
    return { online, degraded, cold, idle, responses, timeouts, timeoutsRate }
  }

  /** The counts at the end of the latest tick, of the one before, and of the fourth last. */
  get newest() {
    return this._tick(1)
  }

  get previous() {
    return this._tick(2)
  }

  get oldest() {
    return this._tick(TICKS)
  }

  /** Judges now, as at the end of a tick. */
  update() {
    this._native.command('judgeHealth', {})
  }

  /** Forgets the ticks: the node counts as online. */
  reset() {
    this._native.command('resetHealth', {})
  }

  _tick(fromEnd) {
    const ticks = this._native.inspect('healthTicks') || []
    const tick = ticks[ticks.length - fromEnd]
    if (tick === undefined) return
    if (tick.offline !== null) return tick
    return { responses: tick.responses, timeouts: tick.timeouts }
  }

  _look() {
    this._report = this._native.inspect('health') || this._report
    return this._report
  }
}

/** The sockets, and the requests that wait for an answer. */
class IO {
  /**
   * @param {import('./internals')} internals
   * @param {object} config
   */
  constructor({ dht, native, sockets, udx }, { portFrom, portTo, maxWindow }) {
    this.portRange = [portFrom, portTo]
    this.congestion = { _maxWindow: maxWindow }
    this.udx = udx
    this._networkInterfaces = null // most programs never ask
    this._dht = dht
    this._native = native
    this._sockets = sockets
  }

  get table() {
    return this._dht.table
  }

  get networkInterfaces() {
    this._networkInterfaces ||= this.udx.watchNetworkInterfaces()
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
}

/** The records that a persistent node stores for other nodes. */
class Persistent {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this.records = {
      get size() {
        return native.inspect('records') || 0
      }
    }
  }
}

unsupported.standIn(
  IO.prototype,
  'dht.io',
  ['bind', 'createRequest', 'onmessage', 'onrequest', 'onresponse', 'ontimeout', 'resume', 'token'],
  ['destroy', 'suspend']
)

module.exports = { NodeSet, Health, IO, Persistent, toNode }

/** A node of the routing table in the reference's shape. */
function toNode({ address, ...node }) {
  return { ...node, host: address.host, port: address.port }
}
