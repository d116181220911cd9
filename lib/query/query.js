const c = require('compact-encoding')
const { Readable, getStreamError } = require('streamx')
const m = require('../messages')
const errors = require('../errors')
const Session = require('../request/session')
const queryOptions = require('./query-options')
const { checkBytes, checkFunction } = require('../util/check')
const { internalsOf } = require('../util/internals')
const { K, compareDistance } = require('../util/kademlia')
const { toQueryReply } = require('../request/received-reply')

/**
 * A query: a stream of the replies of nodes closer and closer to a target. It starts at the first
 * read.
 */
module.exports = class Query extends Readable {
  /**
   * @param {import('../..')} dht
   * @param {object} what
   * @param {Buffer} what.target
   * @param {[string, object]} what.start the kind of the core's query, and its own fields
   * @param {boolean} [what.onlyValues] replies without a value are not told
   * @param {boolean} [what.brief] the closest replies that were not told only have `from` and `to`
   * @param {number} what.command
   * @param {boolean} [what.internal]
   * @param {Buffer | null} [what.value]
   * @param {(reply: object) => any} [what.map] replaces the option
   * @param {Commit | null} [what.commit] replaces the option; null if the core commits
   * @param {object} opts
   *
   * @typedef {(reply: object, dht: import('../..'), query: Query) => any} Commit
   */
  constructor(dht, what, opts) {
    super()

    const options = queryOptions(opts)

    this.dht = dht
    this.target = checkBytes('target', what.target, 32)
    this.command = what.command
    this.internal = what.internal || false
    this.value = what.value || null
    this.k = K
    this.force = options.force
    this.concurrency = options.concurrency || dht.concurrency
    this.retries = options.retries
    this.map = what.map || checkFunction('map', opts.map) || echo
    this.errors = 0
    this.successes = 0

    options.onlyValues = what.onlyValues || false
    options.brief = what.brief || false
    this._options = options
    this._asked = what.target
    this._begin = what.start
    this._commit = what.commit === undefined ? commitOption(opts.commit) : what.commit
    this._session = Session.check(opts.session)
    this._member = null // of the session, if there is one
    this._internals = internalsOf(dht)
    this._received = [] // empty after the end
    this._closest = null // set at the end
    this._paused = false
    this._id = -1 // set while the core knows the query
  }

  /**
   * The replies of the nodes closest to the target. The closest node comes first. While the query
   * runs, these are the closest of the replies that have arrived so far.
   */
  get closestReplies() {
    return this._closest === null ? this._closestReceived() : this._closest
  }

  get closestNodes() {
    return this.closestReplies.map(reply => reply.from)
  }

  /** The number of requests that wait for their answers. */
  get inflight() {
    if (this._id === -1) return 0
    const all = this._internals.native.inspect('inflight') || []
    return all.filter(request => this._owns(request)).length
  }

  /** Reads the stream to its end. */
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

  // Events of the core.

  _onreply(received) {
    if (this.destroying) return
    const reply = toQueryReply(received)
    this.successes++
    this._received.push(reply)
    const data = this.map(reply)
    if (data && this.push(data) === false) this._pause()
  }

  _ondone({ tally, outcome, closest }) {
    this._forget()
    if (this.destroying) return
    this.successes = tally.successes
    this.errors = tally.errors
    this._closest = closest.map(told => this._closestReply(told))
    this._received = []
    if (outcome.failure !== null) this.destroy(errors.from(outcome.failure))
    else if (this._commit !== null) this._commitAll()
    else this.push(null)
  }

  // The core does not send a reply again that it has sent before.
  _closestReply({ kind, place, reply }) {
    return kind === 'told' ? this._received[place] : toQueryReply(reply)
  }

  _onnodegone(err) {
    this._forget()
    this.destroy(err)
  }

  // Called by streamx.

  _open(cb) {
    if (this.dht.destroyed) return cb(new Error('Node was destroyed'))
    const { bindError } = this._internals
    if (bindError !== null) return cb(bindError)
    try {
      this._start()
    } catch (err) {
      return cb(err)
    }
    cb(null)
  }

  _read(cb) {
    if (this._paused) {
      this._paused = false
      this._steer('goOn')
    }
    cb(null)
  }

  _predestroy() {
    if (this._id === -1) return
    this._internals.native.command('cancelQuery', { query: this._id })
    this._forget()
  }

  _start() {
    const { native, queries } = this._internals
    const [kind, fields] = this._begin
    const what = { target: this._asked, kind: { kind, ...fields }, options: this._options }
    const handlers = {
      onreply: received => this._onreply(received),
      ondone: done => this._ondone(done),
      onnodegone: err => this._onnodegone(err)
    }
    queries.begin(handlers, query => {
      this._joinSession()
      native.command('query', { query, ...what })
      this._id = query
    })
  }

  _joinSession() {
    if (this._session === null) return
    // the query concludes with the replies that it has
    this._member = {
      end: () => this._steer('conclude'),
      owns: request => this._owns(request)
    }
    Session.join(this._session, this._member)
  }

  _owns(request) {
    return request.query === this._id
  }

  _forget() {
    if (this._id === -1) return
    if (this._session !== null) Session.leave(this._session, this._member)
    this._internals.queries.delete(this._id)
    this._id = -1
  }

  // The reader is slow: the core asks no further nodes until the reader has caught up.
  _pause() {
    this._paused = true
    this._steer('pause')
  }

  _steer(steer) {
    if (this._id !== -1) this._internals.native.command('steerQuery', { query: this._id, steer })
  }

  // Succeeds if at least one node has accepted the commit.
  _commitAll() {
    const replies = this._closest
    if (replies.length === 0) return this.destroy(new Error('Too few nodes responded'))

    let pending = replies.length
    let successes = 0
    const settle = err => {
      if (--pending > 0) return
      if (successes === 0) this.destroy(err)
      else if (!this.destroying) this.push(null)
    }
    for (const reply of replies) {
      this._commitOne(reply).then(() => {
        successes++
        settle(null)
      }, settle)
    }
  }

  // An async function, so that an exception is a rejection. A node that refuses an old token sends
  // a new one.
  async _commitOne(reply) {
    const answer = await this._commit(reply, this.dht, this)
    if (answer?.error !== errors.INVALID_TOKEN || !answer.token) return answer
    return this._commit({ ...reply, token: answer.token }, this.dht, this)
  }

  _closestReceived() {
    const known = this._received.filter(reply => reply.from.id !== null)
    known.sort((a, b) => compareDistance(this.target, a.from.id, b.from.id))
    return known.slice(0, K)
  }
}

/**
 * Makes a query, unless the node is destroyed.
 *
 * @param {import('../..')} dht
 * @param {object} what as of the constructor
 * @param {object} [opts]
 */
module.exports.createQuery = function createQuery(dht, what, opts) {
  if (dht.destroyed) throw new Error('Node destroyed')
  return new module.exports(dht, what, opts || {})
}

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

/** The data of a query for an immutable record. */
module.exports.mapImmutable = function mapImmutable({ token, from, to, value }) {
  return value && { token, from, to, value }
}

/** The data of a query for a mutable record. */
module.exports.mapMutable = function mapMutable({ token, from, to, value: record }) {
  const found = decode(m.mutableGetResponse, record)
  if (found === null) return null
  const { seq, value, signature } = found
  return { token, from, to, seq, value, signature }
}

// Null if the value is not such a message: nodes may send any bytes.
function decode(encoding, value) {
  if (value === null) return null
  try {
    return c.decode(encoding, value)
  } catch {
    return null
  }
}

/** Returns the option `commit` as a function, or null. */
module.exports.commitOption = commitOption
function commitOption(commit) {
  return commit === true ? sendAgain : checkFunction('commit', commit)
}

/**
 * The start of a query with a command of the application.
 *
 * @param {number} command
 * @param {Buffer | null} value
 * @param {{ command: number, value: Buffer | null } | null} commit sent by the core at the end
 * @returns {[string, object]}
 */
module.exports.userQuery = function userQuery(command, value, commit) {
  return [
    'user',
    { command, value, commit: commit ? { kind: 'send', ...commit } : { kind: 'none' } }
  ]
}

// The function for `commit: true`, if the core does not commit.
async function sendAgain({ token, from }, dht, { target, command, value }) {
  if (token === null) throw new Error('No token received for closest node')
  return dht.request({ token, target, command, value }, from)
}

function echo(reply) {
  return reply
}
