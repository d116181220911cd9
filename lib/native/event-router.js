/** Passes the dispatcher's events on: data to a connection's channel, the others to handlers. */
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

  oncontrol(name, event) {
    this._handlers[name](this._internals, event)
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
