const deferred = require('../util/deferred')

/** Waits until the core has unannounced a server. */
module.exports = class Suspension {
  constructor() {
    this._pending = null
  }

  /** Resolves at `settle`. Undefined if no suspension is pending. */
  get promise() {
    return this._pending?.promise
  }

  begin() {
    if (this._pending === null) this._pending = deferred()
    return this._pending.promise
  }

  /** The server is suspended, resumed or closed, or the core has failed with `err`. */
  settle(err = null) {
    if (this._pending !== null) deferred.settle(this._pending, err)
    this._pending = null
  }
}
