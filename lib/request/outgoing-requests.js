const deferred = require('../util/deferred')
const errors = require('../errors')
const Session = require('./session')
const Table = require('../native/table')
const { toReply } = require('./received-reply')
const { checkAddress, checkBytes, checkTtl, checkUint, checkValue } = require('../util/check')

/** The requests that a node has sent and that wait for their answers. */
module.exports = class OutgoingRequests {
  /** @param {import('../dht/internals')} internals */
  constructor(internals) {
    this._internals = internals
    this._table = new Table()
  }

  get size() {
    return this._table.size
  }

  /**
   * Sends a request. Resolves with the reply.
   *
   * @param {object} message internal, command, target, token and value
   * @param {{ host: string, port: number }} to
   * @param {import('../..').RequestOptions} [opts]
   * @param {object} [own] of a request that a program sends itself
   * @param {number} [own.retries]
   * @param {(id: number) => void} [own.begun] gets the number of the request
   */
  async send(message, to, opts, { retries = RETRIES, begun = noop } = {}) {
    const { bindError, dht, native, sockets } = this._internals
    if (dht.destroyed) throw new Error('Node destroyed')
    if (bindError !== null) throw bindError
    if (message.target !== null) checkBytes('target', message.target, 32)
    if (message.token !== null) checkBytes('token', message.token, 32)
    checkUint('command', message.command)
    checkValue(message.value)
    const session = Session.check(opts?.session)
    const options = {
      to: checkAddress('to', to),
      retries: opts?.retry === false ? 0 : checkUint('retries', retries),
      ttl: opts?.ttl ? checkTtl(opts.ttl) : null,
      socket: opts?.socket ? sockets.idOf(opts.socket) : null
    }

    const request = { ...deferred(), session, member: null }
    this._table.begin(request, id => {
      begun(id)
      if (session !== null) {
        request.member = {
          end: err => this.cancel(id, err),
          owns: inflight => inflight.request === id
        }
        Session.join(session, request.member)
      }
      native.command('request', { request: id, options: { ...message, ...options } })
    })
    return request.promise
  }

  /** Gives up one request: it rejects with `err`. */
  cancel(id, err) {
    const request = this._take(id)
    if (!request) return
    this._internals.native.command('cancelRequest', { request: id })
    request.reject(err)
  }

  /** Rejects all requests, after the core has ended. */
  clear(err) {
    for (const request of this._table.clear()) request.reject(err)
  }

  onreply({ request: id, outcome }) {
    const request = this._take(id)
    if (!request) return
    if (outcome.failure !== null) request.reject(errors.from(outcome.failure))
    else request.resolve(toReply(outcome.value))
  }

  _take(id) {
    const request = this._table.get(id)
    this._table.delete(id)
    if (request?.session) Session.leave(request.session, request.member)
    return request
  }
}

/** A request is sent four times at most. With a second for each, it fails after 4 s. */
const RETRIES = 3

function noop() {}
