const { EventEmitter } = require('events')

/** The addresses of this host, and a watch that tells of changes. */
module.exports = class NetworkInterfaces extends EventEmitter {
  /** @param {import('./engine').Engine} engine */
  constructor(engine) {
    super()

    this._engine = engine
    this._isWatching = false
    this._destroying = null
    this._onchange = interfaces => {
      this.interfaces = interfaces
      this.emit('change', interfaces)
    }

    const { native } = engine.use()
    this.interfaces = native.inspect('interfaces') || []
    engine.release()
  }

  watch() {
    if (this._isWatching) return this
    this._isWatching = true
    this._engine.use()
    this._engine.watchers.add(this._onchange)
    return this
  }

  unwatch() {
    if (!this._isWatching) return this
    this._isWatching = false
    this._engine.watchers.delete(this._onchange)
    this._engine.release()
    return this
  }

  async destroy() {
    if (this._destroying !== null) return this._destroying
    this.unwatch()
    this._destroying = Promise.resolve().then(() => this.emit('close'))
    return this._destroying
  }

  [Symbol.iterator]() {
    return this.interfaces[Symbol.iterator]()
  }
}
