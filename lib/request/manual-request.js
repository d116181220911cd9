const { REQUEST_DESTROYED } = require('../errors')
const { internalsOf, keepInternals } = require('../util/internals')

const ID = Symbol('id')
const FAILED = Symbol('failed')

/** A request that a program makes with `dht.io.createRequest`, and sends itself. */
module.exports = class ManualRequest {
  /**
   * @param {import('../dht/internals')} internals
   * @param {object} message internal, command, target, token and value
   * @param {{ host: string, port: number }} to
   * @param {{ session?: import('./session') | null, ttl?: number }} opts
   */
  constructor(internals, { internal, command, target, token, value }, to, { session, ttl }) {
    this.socket = internals.dht.socket
    this.from = null
    this.to = to
    this.token = token || null
    this.command = command
    this.target = target || null
    this.value = value || null
    this.internal = internal
    this.session = session || null
    this.ttl = ttl || 0
    this.sent = 0
    this.retries = 3
    this.destroyed = false

    // the program replaces these
    this.onerror = noop
    this.onresponse = noop

    this[FAILED] = false
    this[ID] = -1 // of the core, while the request waits for its answer
    keepInternals(this, internals)
  }

  /** Sends the request. The node repeats it until it is answered. */
  send() {
    if (this.destroyed || this.sent > 0 || this.socket === null) return
    this.sent = 1
    const { internal, command, target, token, value, session, ttl, socket, retries } = this
    const message = { internal, command, target, token, value }
    const begun = id => {
      this[ID] = id
    }
    internalsOf(this)
      .requests.send(message, this.to, { session, ttl, socket }, { retries, begun })
      .then(
        res => this.onresponse(res, this),
        err => this._fail(err)
      )
  }

  /** Gives up the request: `onerror` gets `err`. */
  destroy(err) {
    if (this.destroyed) return
    this.destroyed = true
    const gaveUp = err || REQUEST_DESTROYED()
    if (this[ID] === -1) this._fail(gaveUp)
    else internalsOf(this).requests.cancel(this[ID], gaveUp)
  }

  // A request that the node has refused may be given up before it hears of that.
  _fail(err) {
    if (this[FAILED]) return
    this[FAILED] = true
    this.onerror(err, this)
  }
}

function noop() {}
