const b4a = require('b4a')
const c = require('compact-encoding')
const { Readable, getStreamError } = require('streamx')
const m = require('./messages')
const errors = require('./errors')
const { checkBytes, query: queryOptions } = require('./options')
const { toReply } = require('./reply')

/**
 * A walk towards a target, as a stream of replies. It starts when it is read.
 */
module.exports = class Query extends Readable {
  /**
   * @param {import('..')} dht
   * @param {object} what
   * @param {Buffer} what.target
   * @param {Array<[string, object]>} what.steps commands of border.js that start it, one after
   *   another; the replies of the last are the stream's
   * @param {number} what.command
   * @param {boolean} [what.internal]
   * @param {Buffer | null} [what.value]
   * @param {(reply: object) => any} [what.map]
   * @param {object} opts
   */
  constructor(dht, { target, steps, command, internal = false, value = null, map }, opts) {
    super()

    const options = queryOptions(opts)
    checkBytes('target', target, 32)

    this.dht = dht
    this.target = target
    this.command = command
    this.internal = internal
    this.value = value
    this.k = K
    this.force = options.force
    this.concurrency = options.concurrency || dht.concurrency
    this.retries = options.retries
    this.map = map || opts.map || echo
    this.inflight = 0
    this.errors = 0
    this.successes = 0
    this.closestReplies = []

    this._options = { target, ...options }
    this._steps = steps
    this._id = -1 // while the core knows it
  }

  get closestNodes() {
    return this.closestReplies.map(reply => reply.from)
  }

  /** Reads to the end. */
  finished() {
    return new Promise((resolve, reject) => {
      let error = getStreamError(this)
      if (this.destroyed) return error ? reject(error) : resolve()

      this.on('error', err => {
        error = err
      })
      this.on('close', () => (error ? reject(error) : resolve()))
      this.resume()
    })
  }

  // What the core says.

  _onreply(received) {
    if (this.destroying) return
    const reply = toReply(received)
    if (reply.error !== 0) {
      this.errors++
      return
    }
    this.successes++
    if (reply.from.id !== null) this._pushClosest(reply)
    if (this._steps.length > 0) return

    const data = this.map(reply)
    if (data) this.push(data)
  }

  _ondone({ successes, errors: failures, outcome, closest }) {
    this._forget()
    if (this.destroying) return
    this.successes = successes
    this.errors = failures
    this.closestReplies = closest.map(toReply)
    if (outcome.failure !== null) this.destroy(errors.from(outcome.failure))
    else if (this._steps.length > 0) this._start()
    else this.push(null)
  }

  _onnodedestroyed() {
    this._forget()
    this.destroy(new Error('Node was destroyed'))
  }

  // What streamx asks for.

  _open(cb) {
    if (this.dht.destroyed) return cb(new Error('Node was destroyed'))
    if (this.dht._bindError !== null) return cb(this.dht._bindError)
    this._start()
    cb(null)
  }

  _predestroy() {
    if (this._id === -1) return
    this.dht._native.command('cancelQuery', { query: this._id })
    this._forget()
  }

  _start() {
    const [name, fields] = this._steps.shift()
    this._id = this.dht._queries.add(this)
    this.dht._native.command(name, { query: this._id, ...this._options, ...fields })
  }

  _forget() {
    if (this._id !== -1) this.dht._queries.delete(this._id)
    this._id = -1
  }

  _pushClosest(reply) {
    const closer = other => this._distance(other.from.id, reply.from.id) < 0
    const at = this.closestReplies.filter(closer).length
    const next = this.closestReplies[at]
    if (next && b4a.equals(next.from.id, reply.from.id)) return
    this.closestReplies.splice(at, 0, reply)
    if (this.closestReplies.length > K) this.closestReplies.pop()
  }

  // Negative if a is closer to the target than b.
  _distance(a, b) {
    for (let i = 0; i < a.byteLength; i++) {
      if (a[i] !== b[i]) return (this.target[i] ^ a[i]) - (this.target[i] ^ b[i])
    }
    return 0
  }
}

/** Replies that a query keeps, and nodes that a bucket holds. */
const K = 20

/** The data of a findPeer query. */
module.exports.mapFindPeer = function mapFindPeer({ token, from, to, value }) {
  const peer = decode(m.peer, value)
  return peer && { token, from, to, peer }
}

/** The data of a lookup. */
module.exports.mapLookup = function mapLookup({ token, from, to, value }) {
  const found = decode(m.lookupRawReply, value)
  return found && { token, from, to, peers: found.peers, bump: found.bump }
}

// Null for what is no such message: nodes may answer anything.
function decode(encoding, value) {
  if (value === null) return null
  try {
    return c.decode(encoding, value)
  } catch {
    return null
  }
}

function echo(reply) {
  return reply
}
