const Dispatcher = require('../native/dispatcher')
const EventRouter = require('../native/event-router')
const Holds = require('./holds')
const Native = require('../native/native')
const Table = require('../native/table')
const context = require('../native/context')
const events = require('./events')
const { NO_TRAFFIC } = require('./measurement')

const ENGINE = Symbol('engine')

/**
 * The engine of a UDX instance. It runs while something uses it: a stream, a bound socket, a watch
 * of the interfaces.
 */
class Engine {
  /**
   * @param {(native: Native, holds: Holds) => object} createSockets
   * @param {((fd: number) => unknown) | null} protect the hook of the instance
   * @param {object} [past] the traffic of the engine that this one replaces
   */
  constructor(createSockets, protect, past = NO_TRAFFIC) {
    this.watchers = new Set()
    this.protect = protect

    this._createSockets = createSockets
    this._past = past // with that of the runs that have ended
    this._parts = null
    this._users = 0
  }

  /** Whether a node may take the place of this engine. */
  get isFree() {
    return this._users === 0
  }

  /** The parts of the engine, which has to run. */
  get parts() {
    return this._parts
  }

  /** Starts the engine if it does not run, and keeps it running until `release`. */
  use() {
    this._users++
    this._parts ||= new Parts(this)
    return this._parts
  }

  release() {
    if (--this._users > 0) return
    this._past = this.measure()
    this._parts.end()
    this._parts = null
  }

  /** The traffic of all sockets so far. */
  measure() {
    return sum(this._past, trafficOf(this._parts))
  }

  createSockets(native, holds) {
    return this._createSockets(native, holds)
  }
}

/** The engine of a node of the DHT, which runs as long as the node. */
class NodeEngine {
  /**
   * @param {object} parts the internals of the node
   * @param {((fd: number) => unknown) | null} protect the hook of the instance
   * @param {object} past the traffic of the engine that this one replaces
   */
  constructor(parts, protect, past) {
    this.parts = parts
    this.watchers = new Set()
    this.protect = protect

    this._past = past
  }

  get isFree() {
    return false
  }

  use() {
    return this.parts
  }

  release() {}

  /** The traffic of all sockets so far. */
  measure() {
    return sum(this._past, trafficOf(this.parts))
  }
}

/** A native engine without a node, and the receivers of its events. */
class Parts {
  /** @param {Engine} engine */
  constructor(engine) {
    this.watchers = engine.watchers
    this.lookups = new Table()
    this.connections = new Table()
    this.dispatcher = new Dispatcher(new EventRouter(this, events))
    this.native = new Native(null, this.dispatcher.wake, engine.protect)
    this.holds = new Holds(this.native)
    this.dispatcher.start(this.native)
    this.sockets = engine.createSockets(this.native, this.holds)
    this.stats = NO_STATS
  }

  /** Sends what is left, and closes. */
  end() {
    this.native.command('destroy', { force: true })
  }

  /** The core has ended. */
  close() {
    this.native.close()
    this.dispatcher.close()
    this.release(null)
  }

  /** Settles everything that waits for the core. `err` is null unless the core has failed. */
  release(err) {
    for (const link of this.connections.clear()) context.run(link, link.onclosed, err)
    for (const resolve of this.lookups.clear()) resolve(null)
    this.sockets.release()
  }
}

function trafficOf(parts) {
  return parts?.native.inspect('totalTraffic') || NO_TRAFFIC
}

function sum(a, b) {
  const entries = Object.entries(a).map(([name, n]) => [name, n + (b[name] || 0)])
  return Object.fromEntries(entries)
}

/** Sockets count their traffic by themselves. */
const NO_STATS = { follow() {} }

/** Gives a UDX instance, a socket or a stream its engine. */
exports.keepEngine = function keepEngine(object, engine) {
  object[ENGINE] = engine
}

/** @returns {Engine | NodeEngine | undefined} undefined for an object of another module */
exports.engineOf = function engineOf(object) {
  return object[ENGINE]
}

/** Checks an instance that a node shall use. */
exports.checkInstance = function checkInstance(udx) {
  if (udx?.[ENGINE] === undefined) throw new TypeError('udx must be an instance of UDX')
  return udx
}

exports.Engine = Engine
exports.NodeEngine = NodeEngine
