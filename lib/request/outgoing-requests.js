const deferred = require('../util/deferred')
const errors = require('../errors')
const Table = require('../native/table')
const { toReply } = require('./received-reply')
const { checkAddress, checkBytes, checkTtl, checkUint, checkValue } = require('../util/options')

/** The requests of a node that are under way. */
module.exports = class OutgoingRequests {
  /** @param {import('../dht/rpc')} dht */
  constructor(dht) {
    this._dht = dht
    this._table = new Table()
  }

  get size() {
    return this._table.size
  }

  /**
   * Sends a request; settles with its end.
   *
   * @param {object} message internal, command, target, token and value
   * @param {{ host: string, port: number }} to
   * @param {import('../..').RequestOptions} [opts]
   */
  async send(message, to, opts) {
    if (this._dht.destroyed) throw new Error('Node destroyed')
    if (this._dht._bindError !== null) throw this._dht._bindError
    if (message.target !== null) checkBytes('target', message.target, 32)
    if (message.token !== null) checkBytes('token', message.token, 32)
    checkUint('command', message.command)
    checkValue(message.value)
    const options = {
      to: checkAddress('to', to),
      retries: opts?.retry === false ? 0 : RETRIES,
      ttl: opts?.ttl ? checkTtl(opts.ttl) : null,
      socket: opts?.socket ? this._dht._socketId(opts.socket) : null
    }

    const request = deferred()
    const session = opts?.session || null
    this._table.begin({ ...request, session }, id => {
      session?._addRequest(id)
      this._dht._native.command('request', { request: id, ...message, ...options })
    })
    return request.promise
  }

  /** Ends one early. */
  cancel(id, err) {
    const request = this._take(id)
    if (!request) return
    this._dht._native.command('cancelRequest', { request: id })
    request.reject(err)
  }

  /** Ends all without a word to the core. */
  clear(err) {
    for (const request of this._table.clear()) request.reject(err)
  }

  _onreply({ request: id, outcome }) {
    const request = this._take(id)
    if (!request) return
    if (outcome.failure !== null) request.reject(errors.from(outcome.failure))
    else request.resolve(toReply(outcome.value))
  }

  _take(id) {
    const request = this._table.get(id)
    this._table.delete(id)
    request?.session?._removeRequest(id)
    return request
  }
}

/** With a second for each transmission a request takes 4 s at most. */
const RETRIES = 3
