const binding = require('../../binding')

/**
 * The program's hook for each UDP socket of an engine, before anything is sent from it.
 *
 * The engine holds a socket until the hook has returned. The hook is called in the call that opens
 * the socket, if that is one of the program; sockets that the engine opens by itself wait for a
 * turn of the event loop.
 */
module.exports = class Protection {
  /** @param {(fd: number) => unknown} hook */
  constructor(hook) {
    /** How many times the hook has refused what the engine had opened. */
    this.refusals = 0
    /** Why it has, the last time. */
    this.error = null
    /** What the hook has thrown last. */
    this.thrown = null

    this._hook = hook
    this._node = null
    this._mainError = null
  }

  /**
   * Binds the sockets, and starts the node once they are protected.
   *
   * @param {Uint8Array | null} config null for an engine without a node of the DHT
   * @param {() => void} wake called when there is something to drain
   * @throws what the hook throws
   */
  open(config, wake) {
    this._node = binding.bind(config, () => this._onheld())
    try {
      this._show()
      this._node.start(wake)
    } catch (err) {
      this._node.close()
      this._node = null
      throw err
    }
    return this._node
  }

  /** Binds a socket of the program, and returns its number. Throws what the hook throws. */
  bindSocket(...address) {
    this._node.holdSocket(...address)
    try {
      this._show()
    } catch (err) {
      this._node?.refuseHeld()
      throw err
    }
    if (this._node === null) throw new Error('Socket not active')
    return this._node.acceptHeld()
  }

  /** Why the node did not wake, if the hook has refused its sockets. */
  takeMainError() {
    const error = this._mainError
    this._mainError = null
    return error
  }

  close() {
    this._node = null
  }

  // The engine makes one call for each group of sockets.
  _onheld() {
    const kind = this._node === null ? NONE : this._node.takeHeld()
    if (kind === NONE) return
    try {
      this._show()
    } catch (err) {
      this.refusals++
      this.error = err
      if (kind === MAIN) this._mainError = err
      this._node?.refuseHeld()
      return
    }
    this._node?.acceptHeld()
  }

  // Calls the hook with each socket that was held last.
  _show() {
    for (let i = 0; this._node !== null; i++) {
      const fd = this._node.heldNumber(i)
      if (fd === -1) return
      try {
        this._call(fd)
      } catch (err) {
        this.thrown = err
        throw err
      }
    }
  }

  _call(fd) {
    const hook = this._hook
    const outcome = attempt(() => hook(fd))
    if (outcome === false) throw new Error('protect has returned false')
    if (typeof outcome?.then === 'function') {
      throw new TypeError('protect must not return a promise')
    }
  }
}

// What `Native.takeHeld` has taken.
const NONE = 0
const MAIN = 1

// What is thrown becomes the error of an operation, so that it has to be an object.
function attempt(call) {
  try {
    return call()
  } catch (err) {
    throw typeof err === 'object' && err !== null ? err : new Error(`protect has thrown ${err}`)
  }
}
