const { REQUEST_DESTROYED } = require('../errors')
const { internalsOf } = require('../util/internals')
const { toInflight } = require('./inflight')

const MEMBERS = Symbol('members')

/** A group of requests and queries that can be ended together. */
module.exports = class Session {
  /** @param {import('../..')} dht */
  constructor(dht) {
    this.dht = dht
    this[MEMBERS] = new Set()
  }

  /** The requests of the session that wait for their answers, those of its queries included. */
  get inflight() {
    const members = [...this[MEMBERS]]
    if (members.length === 0) return []
    const all = internalsOf(this.dht).native.inspect('inflight') || []
    const own = all.filter(request => members.some(member => member.owns(request)))
    return own.map(request => ({ ...toInflight(request), session: this }))
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

  /** Rejects all pending requests with `err`, and concludes the queries. */
  destroy(err) {
    for (const member of this[MEMBERS]) member.end(err || REQUEST_DESTROYED())
    this[MEMBERS].clear()
  }
}

/**
 * Checks the option `session`. Null if it is not set.
 *
 * @returns {Session | null}
 */
module.exports.check = function check(session) {
  if (!session) return null
  if (!session[MEMBERS]) throw new TypeError('session must be a session of a node')
  return session
}

/**
 * Adds a request or a query to a session.
 *
 * @param {Session} session
 * @param {{ end: (err: Error) => void, owns: (request: object) => boolean }} member `owns` tells
 *   whether a request in flight is one of the member's
 */
module.exports.join = function join(session, member) {
  session[MEMBERS].add(member)
}

module.exports.leave = function leave(session, member) {
  session[MEMBERS].delete(member)
}
