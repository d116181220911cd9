const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../../binding')
const border = require('./border')

/**
 * One node of the native engine, which takes commands and gives answers. After `close`, commands do
 * nothing, and some questions keep their last answers.
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
    this._unreffed = false
    this._last = new Map()
    this._scratch = b4a.allocUnsafeSlow(SCRATCH)
    try {
      withoutTrace(c.encode(border.options, config), bytes => {
        this._node = binding.open(bytes, wake)
      })
    } catch (err) {
      throw systemError(err)
    }
  }

  /** Gives the engine one command of border.js. */
  command(name, message) {
    if (this.closed) return
    if (this._unreffed) this._setUnreffed(false)
    withoutTrace(border.encodeCommand(name, message), bytes => this._node.command(bytes))
  }

  /** Gives the commands of `give` at once: nothing happens between them. */
  together(give) {
    if (!this.closed) this._corked(give)
  }

  /** Lets the process exit, until the next command. */
  unref() {
    if (!this.closed && !this._unreffed) this._setUnreffed(true)
  }

  /** Writes messages, under one lock. */
  writev(conn, batch) {
    if (this.closed) return
    if (batch.length === 1) return this._node.write(conn, batch[0])
    this._corked(() => {
      for (const data of batch) this._node.write(conn, data)
    })
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
    if (bytes.size === 1) return this._consumed(bytes)
    this._corked(() => this._consumed(bytes))
  }

  /**
   * Moves events into the slab.
   *
   * @returns {number} bytes written, or minus the room that the next event needs
   */
  drain(slab) {
    return this.closed ? 0 : this._node.drain(slab)
  }

  /** Makes the engine call `wake` once more, after microtasks have run. */
  callAgain() {
    if (!this.closed) this._node.callAgain()
  }

  /** Moves the next large message of a slab into memory of its length. */
  take(memory) {
    if (!this.closed) this._node.take(memory)
  }

  /** The size of a buffer of the system for what a socket receives or sends; 0 if it is closed. */
  bufferSize(socket, receive) {
    return this.closed ? 0 : this._node.bufferSize(socket, receive)
  }

  setBufferSize(socket, receive, size) {
    try {
      if (!this.closed) this._node.setBufferSize(socket, receive, size)
    } catch (err) {
      throw systemError(err)
    }
  }

  /** The answer to one question of border.js. Null if there is none. */
  inspect(name, argument = 0) {
    if (this.closed) return this._last.has(name) ? this._last.get(name) : null
    const { number } = border.QUESTIONS.get(name)

    let n = this._node.inspect(number, argument, this._scratch)
    while (n < 0) {
      this._scratch = b4a.allocUnsafeSlow(-n)
      n = this._node.inspect(number, argument, this._scratch)
    }
    return n === 0 ? null : border.decodeAnswer(name, c.state(0, n, this._scratch))
  }

  _consumed(bytes) {
    for (const [conn, n] of bytes) this._node.consumed(conn, n)
  }

  // `give` may throw. A node that stays corked would never take a command again.
  _corked(give) {
    this._node.cork()
    try {
      give()
    } finally {
      this._node.uncork()
    }
  }

  _setUnreffed(unreffed) {
    this._unreffed = unreffed
    this._node.setRef(!unreffed)
  }

  close() {
    if (this.closed) return
    for (const name of KEPT) this._last.set(name, this.inspect(name, MAX_NODES))
    this.closed = true
    this._node.close()
    this._node = null
    this._scratch = null
  }
}

/** The questions that are still answered after the node has closed. */
const KEPT = ['stats', 'live', 'nodes', 'localHost']

/** All nodes of a routing table, whose 256 rows hold 20 each. */
const MAX_NODES = 256 * 20

/** Bytes for most answers. A longer answer makes its own room. */
const SCRATCH = 4096

/**
 * Wipes encoded bytes once they are used: there may be a secret key in them.
 *
 * @param {Uint8Array} bytes
 * @param {(bytes: Uint8Array) => void} use
 */
function withoutTrace(bytes, use) {
  try {
    use(bytes)
  } finally {
    bytes.fill(0)
  }
}

// Errors of the binding are `CODE: message`; those of the reference have `message` and a code.
function systemError(err) {
  const [all, code, message] = err.message.match(/^(E[A-Z]+): (.*)$/) || []
  if (!all) return err
  const named = new Error(message)
  named.code = code
  return named
}
