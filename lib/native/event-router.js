const context = require('./context')
const rethrow = require('../util/rethrow')

/**
 * Passes the dispatcher's events on: data to a connection's channel, the others to handlers. What is
 * about a connection runs in the context of that connection.
 */
module.exports = class EventRouter {
  /**
   * @param {import('../dht/internals')} internals
   * @param {typeof import('../dht/events')} handlers of the control events, by their names
   */
  constructor(internals, handlers) {
    this._internals = internals
    this._connections = internals.connections
    this._handlers = handlers
  }

  onbatch() {
    this._internals.stats.follow()
  }

  within(conn, handle) {
    const link = this._connections.get(conn)
    return link ? context.run(link, handle) : handle()
  }

  oncontrol(name, event) {
    const handle = () => {
      try {
        this._handlers[name](this._internals, event)
      } catch (err) {
        // here, so that the runtime hears of it in the context of the listener
        rethrow(err)
      }
    }
    const owner = OF_NODE.has(name) ? this._internals : this._connections.get(connOf(event))
    if (owner) context.run(owner, handle)
    else context.runApart(handle)
  }

  ondata(conn, data) {
    this._connections.get(conn)?.ondata(data)
  }

  onmessage(conn, data) {
    this._connections.get(conn)?.onmessage(data)
  }

  ondrained(conn, bytes) {
    return this._connections.get(conn)?.ondrained(bytes) || false
  }
}

/** What the reference tells in the context of a node's constructor. */
const OF_NODE = new Set(['listening', 'ready', 'persistent', 'ephemeral'])

function connOf({ conn, connection, opened, question }) {
  if (connection) return connection.opened.conn
  if (opened) return opened.conn
  return question ? question.conn : conn
}
