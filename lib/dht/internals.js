const Dispatcher = require('../native/dispatcher')
const EventRouter = require('../native/event-router')
const Holds = require('../udx/holds')
const IncomingSubscription = require('../request/incoming-subscription')
const Lifecycle = require('./lifecycle')
const LocalAddresses = require('./local-addresses')
const Native = require('../native/native')
const OutgoingRequests = require('../request/outgoing-requests')
const RawStreamSet = require('../connection/raw-streams')
const Sockets = require('../udx/sockets')
const Stats = require('./stats')
const Table = require('../native/table')
const UDX = require('../udx/udx')
const context = require('../native/context')
const events = require('./events')
const rethrow = require('../util/rethrow')
const unbound = require('../native/unbound')

/** The internal parts of a node. Each part owns its state; other parts call its methods. */
module.exports = class Internals {
  /**
   * Binds the sockets and starts the engine.
   *
   * @param {import('./rpc')} dht
   * @param {object} options
   * @param {object} options.config of border.js
   * @param {import('../udx/udx') | null} options.udx the instance that the node shall use
   * @param {Function | null} options.filterNode chooses the nodes of the routing table
   * @param {((fd: number) => unknown) | null} options.protect called with each socket before it is
   *   used
   * @param {import('./node-state')} state
   * @param {() => void} onclosing called before the sockets close, so that a subclass can end
   */
  constructor(dht, { config, udx, filterNode, protect }, state, onclosing) {
    this.dht = dht
    this.state = state
    this.filterNode = filterNode
    /** That in which the program has made the node. */
    this.context = context.capture()
    /** The error of the bind. Null if the sockets are bound. */
    this.bindError = null

    // the receivers of the core's events, by the numbers that the core has for them
    this.connections = new Table()
    this.servers = new Table()
    this.queries = new Table()
    this.lookups = new Table()

    this.dispatcher = new Dispatcher(new EventRouter(this, events))
    this.native = this._open(config, protect)
    this.requests = new OutgoingRequests(this)
    this.udx = udx || new UDX({ protect })
    this.engine = UDX.adopt(this.udx, this)
    this.watchers = this.engine.watchers
    this.holds = Holds.NONE
    this.sockets = new Sockets(this.native, this.udx, this.holds, {
      engine: this.engine,
      isDualStack: config.dualStack,
      onlistener: () => this.subscription.add(IncomingSubscription.COPIES)
    })
    this.rawStreams = new RawStreamSet(this.udx, this.engine)
    if (this.bindError === null) this.sockets.bindMain()
    this.stats = new Stats(this.native)
    this.subscription = new IncomingSubscription(this.native)
    this.localAddresses = new LocalAddresses(this.native)
    this.lifecycle = new Lifecycle(this, onclosing)
  }

  /** Counts of live objects in the core and in JavaScript. All are 0 after the node has closed. */
  live() {
    return {
      ...this.native.inspect('live'),
      jsConnections: this.connections.size,
      jsServers: this.servers.size,
      jsQueries: this.queries.size,
      jsRequests: this.requests.size,
      jsSockets: this.sockets.passing
    }
  }

  /** Closes the engine after the core has ended. */
  close() {
    this.native.close()
    this.dispatcher.close()
    this.release(null)
  }

  /** The node has closed, or was never bound: another one may have its UDX instance. */
  leaveInstance() {
    UDX.leave(this.udx, this.engine)
  }

  /** Settles everything that waits for the core. `err` is null unless the core has failed. */
  release(err) {
    const destroyed = err || new Error('Node was destroyed')
    each(this.connections.clear(), link => context.run(link, link.onclosed, err))
    each(this.queries.clear(), query => query.onnodegone(destroyed))
    each(this.servers.clear(), server => server.onclosed(err))
    this.requests.clear(err || new Error('Node destroyed'))
    each(this.lookups.clear(), resolve => resolve(null))
    this.sockets.release()
    this.localAddresses.close(err)
    this.lifecycle.release(err)
  }

  _open(config, protect) {
    try {
      const native = new Native(config, this.dispatcher.wake, protect)
      this.dispatcher.start(native)
      return native
    } catch (err) {
      this.bindError = err
      return unbound
    }
  }
}

// Calls `tell` for each item, even if it throws for some of them.
function each(items, tell) {
  for (const item of items) {
    try {
      tell(item)
    } catch (err) {
      rethrow(err)
    }
  }
}
