const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../binding')
const { config: configEncoding, COMMANDS } = require('./border')
const { INSPECT } = require('./inspect')

/**
 * One node of the native engine: commands in, answers out. After `close` commands do nothing and
 * the last answers stay.
 */
module.exports = class Native {
  /**
   * Binds the sockets and starts the node.
   *
   * @param {object} config
   * @param {() => void} wake called when there is something to drain
   */
  constructor(config, wake) {
    this.closed = false
    this._resting = false
    this._last = new Map()
    this._scratch = b4a.allocUnsafeSlow(SCRATCH)
    try {
      this._node = binding.open(c.encode(configEncoding, config), wake)
    } catch (err) {
      throw systemError(err)
    }
  }

  /** Gives the engine one command of border.js. */
  command(name, message) {
    if (this.closed) return
    if (this._resting) this._setResting(false)
    this._node.command(COMMANDS[name](message))
  }

  /** Lets the process go, until the next command. */
  rest() {
    if (!this.closed && !this._resting) this._setResting(true)
  }

  /** Writes messages, under one lock. */
  writev(conn, batch) {
    if (this.closed) return
    if (batch.length === 1) return this._node.write(conn, batch[0])
    this._node.cork()
    for (const data of batch) this._node.write(conn, data)
    this._node.uncork()
  }

  sendMessage(conn, data) {
    if (!this.closed) this._node.sendMessage(conn, data)
  }

  /**
   * Reports the bytes of data that were taken, under one lock.
   *
   * @param {Map<number, number>} bytes by connection
   */
  consumed(bytes) {
    if (this.closed) return
    this._node.cork()
    for (const [conn, n] of bytes) this._node.consumed(conn, n)
    this._node.uncork()
  }

  /**
   * Moves events into the slab.
   *
   * @returns {number} bytes written, or minus the room that the next event needs
   */
  drain(slab) {
    return this.closed ? 0 : this._node.drain(slab)
  }

  /** Has `wake` called once more, when microtasks have run. */
  callAgain() {
    if (!this.closed) this._node.callAgain()
  }

  /** Moves the next large message of a slab into memory of its length. */
  take(memory) {
    if (!this.closed) this._node.take(memory)
  }

  /** The answer to one question of border.js; null when there is none. */
  inspect(name, argument = 0) {
    if (this.closed) return this._last.has(name) ? this._last.get(name) : null
    const { what, answer } = INSPECT[name]

    let n = this._node.inspect(what, argument, this._scratch)
    while (n < 0) {
      this._scratch = b4a.allocUnsafeSlow(-n)
      n = this._node.inspect(what, argument, this._scratch)
    }
    return n === 0 ? null : answer.decode(c.state(0, n, this._scratch))
  }

  _setResting(resting) {
    this._resting = resting
    this._node.setRef(!resting)
  }

  close() {
    if (this.closed) return
    for (const name of KEPT) this._last.set(name, this.inspect(name, MAX_NODES))
    this.closed = true
    this._node.close()
  }
}

/** What can still be asked of a node that is gone. */
const KEPT = ['stats', 'live', 'nodes']

/** All nodes of a routing table, whose 256 rows hold 20 each. */
const MAX_NODES = 256 * 20

/** Room for most answers; longer ones make their own. */
const SCRATCH = 4096

// The binding says `CODE: message`, the reference `message` with a code.
function systemError(err) {
  const [all, code, message] = err.message.match(/^(E[A-Z]+): (.*)$/) || []
  if (!all) return err
  const named = new Error(message)
  named.code = code
  return named
}
