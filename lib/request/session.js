const { REQUEST_DESTROYED } = require('../errors')

/** Requests and queries that can be ended together. */
module.exports = class Session {
  /** @param {import('../..')} dht */
  constructor(dht) {
    this.dht = dht

    this._requests = new Set() // by their numbers
    this._queries = new Set()
  }

  query(message, opts = {}) {
    return this.dht.query(message, { ...opts, session: this })
  }

  request(message, to, opts = {}) {
    return this.dht.request(message, to, { ...opts, session: this })
  }

  ping(to, opts = {}) {
    return this.dht.ping(to, { ...opts, session: this })
  }

  /** Rejects all requests that are under way with `err`, and ends the queries. */
  destroy(err) {
    for (const id of this._requests) this.dht._requests.cancel(id, err || REQUEST_DESTROYED())
    for (const query of this._queries) query._onsessiondestroyed()
    this._requests.clear()
    this._queries.clear()
  }

  _addRequest(id) {
    this._requests.add(id)
  }

  _removeRequest(id) {
    this._requests.delete(id)
  }

  _addQuery(query) {
    this._queries.add(query)
  }

  _removeQuery(query) {
    this._queries.delete(query)
  }
}
