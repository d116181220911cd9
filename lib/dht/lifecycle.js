const deferred = require('../util/deferred')

/**
 * The start, the suspension and the end of a node. The core executes the commands to suspend and to
 * resume one after another. It reports one outcome for each, in their order.
 *
 * @typedef {{ log?: (text: string) => void }} LogOptions
 */
module.exports = class Lifecycle {
  /**
   * @param {import('./internals')} internals
   * @param {() => void} onclosing called before the sockets close, so that a subclass can end
   */
  constructor(internals, onclosing) {
    this._internals = internals
    this._onclosing = onclosing
    this._ready = deferred()
    this._gone = deferred()
    this._forced = deferred()
    this._destroying = null
    this._isFallingAsleep = false
    this._isAsleep = false // as the core has last reported
    this._suspending = []
    this._resuming = []
    if (internals.bindError !== null) this._ready.reject(internals.bindError)
  }

  /** Resolves when the node has bootstrapped. */
  get bootstrapped() {
    return this._ready.promise
  }

  /** False while the node is suspended or being suspended. It makes no connections then. */
  get isConnectable() {
    return !this._isFallingAsleep && !this._internals.dht.suspended
  }

  /**
   * Unannounces all servers, ends connections and requests, and closes the sockets.
   *
   * @param {LogOptions} [opts]
   */
  async suspend({ log = noop } = {}) {
    log('Suspending all hyperdht servers')
    this._isFallingAsleep = true
    const fellAsleep = await this._turn('suspend', this._suspending).finally(() => {
      this._isFallingAsleep = false
    })
    log('Done, clearing all raw streams')
    log('Done, suspending dht-rpc')
    log('Suspending waiting for io bind...')
    await this._internals.dht.bind()
    log('Done, continuing')
    if (fellAsleep) {
      log('Done, suspending io')
      log('Done, dht suspended')
    }
    log('Done, clearing raw streams again')
    log('Done, hyperdht fully suspended')
  }

  /**
   * Binds the sockets again. Servers announce in the background.
   *
   * @param {LogOptions} [opts]
   */
  async resume({ log = noop } = {}) {
    const { dht, state } = this._internals
    if (!dht.destroyed && (this._isAsleep || this._suspending.length > 0)) {
      log('Resuming io')
      state.onresumed()
      await this._turn('resume', this._resuming)
      log('Done, dht resumed')
    }
    const resuming = Array.from(dht.listening, server => server.resume())
    log('Resuming hyperdht servers')
    await Promise.all(resuming)
    log('Done, hyperdht fully resumed')
  }

  /** Unannounces all servers (unless forced), closes all connections and the sockets. */
  async destroy(force) {
    if (force) this._forced.resolve()
    if (this._destroying === null) this._destroying = this._destroy(force)
    return this._destroying
  }

  /** Settles the calls that wait for an outcome, after the core has ended. */
  release(err) {
    const turns = [...this._suspending.splice(0), ...this._resuming.splice(0)]
    for (const turn of turns) deferred.settle(turn, err, false)
  }

  // Events of the core.

  onready() {
    this._internals.state.onbootstrapped()
    this._ready.resolve()
  }

  /** The core is suspended. It may have been suspended before the command. */
  onsuspended() {
    const { dht, sockets, state } = this._internals
    const fellAsleep = !this._isAsleep
    this._isAsleep = true
    if (this._resuming.length === 0) state.onsuspended()
    else state.onresumed()
    this._suspending.shift()?.resolve(fellAsleep)
    this._unrefIfIdle()
    if (!fellAsleep) return
    sockets.closeMain()
    dht.emit('suspend')
  }

  /** The core is awake, or could not wake because of `error`. It may have been awake before. */
  onresumed(error) {
    const { dht, sockets, state } = this._internals
    const turn = this._resuming.shift()
    if (error !== null) {
      state.onsuspended()
      turn?.reject(error)
      this._unrefIfIdle()
      return
    }
    const woke = this._isAsleep
    this._isAsleep = false
    state.onresumed()
    turn?.resolve(woke)
    if (!woke) return
    sockets.bindMain()
    dht.emit('resume')
  }

  /** The core has ended after the command to destroy the node. */
  ondestroyed() {
    this._gone.resolve()
  }

  /** The core has failed: all that waits for it fails with `err`, and the node is destroyed. */
  onfailed(err) {
    const { dht, state } = this._internals
    state.ondestroyed()
    this._internals.release(err)
    this._ready.reject(err)
    this._gone.resolve()
    return dht.destroy()
  }

  async _destroy(force) {
    const { dht, state } = this._internals
    if (!force) {
      const closing = Promise.allSettled(Array.from(dht.listening, server => server.close()))
      await Promise.race([closing, this._forced.promise])
    }
    state.ondestroyed()
    try {
      this._onclosing()
    } finally {
      await this._end(force)
    }
  }

  async _end(force) {
    const { bindError, dht, native, sockets } = this._internals
    if (bindError === null) {
      sockets.close()
      native.command('destroy', { force: force || dht.listening.size > 0 })
      await this._gone.promise
      this._internals.close()
    }
    this._internals.leaveInstance()
    this._ready.reject(new Error('Node was destroyed'))
    dht.emit('close')
  }

  // Sends a command and waits for its outcome. Resolves with whether the core changed its state.
  async _turn(command, queue) {
    const { dht, native } = this._internals
    if (dht.destroyed || native.closed) return false
    const outcome = deferred()
    queue.push(outcome)
    native.command(command, {})
    return outcome.promise
  }

  // Lets the process exit while the node is suspended, unless a request, a query or a command still
  // waits for its outcome.
  _unrefIfIdle() {
    const { native, queries, requests } = this._internals
    const turns = this._suspending.length + this._resuming.length
    if (turns + requests.size + queries.size === 0) native.unref()
  }
}

function noop() {}
