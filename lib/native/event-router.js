const events = require('../dht/events')

/** Where the dispatcher's events go: to a node, and to its connections. */
module.exports = class EventRouter {
  /** @param {import('../..')} dht */
  constructor(dht) {
    this.dht = dht
  }

  onbatch() {
    if (this.dht._statsInUse) this.dht._followStats()
  }

  oncontrol(name, event) {
    events[name](this.dht, event)
  }

  ondata(conn, data) {
    this.dht._conns.get(conn)?._ondata(data)
  }

  onmessage(conn, data) {
    this.dht._conns.get(conn)?._onmessage(data)
  }

  ondrained(conn, bytes) {
    return this.dht._conns.get(conn)?._ondrained(bytes) || false
  }
}
