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
   * @param {object | null} config null for an engine without a node of the DHT
   * @param {() => void} wake called when there is something to drain
   */
  constructor(config, wake) {
    this.closed = false
    this._unreffed = false
    this._isHeld = null // commands keep the process alive
    this._last = new Map()
    this._scratch = b4a.allocUnsafeSlow(SCRATCH)
    try {
      this._node = config === null ? binding.openUdx(wake) : open(config, wake)
    } catch (err) {
      throw systemError(err)
    }
  }

  /** Gives the engine one command of border.js. */
  command(name, message) {
    if (this.closed) return
    if (this._unreffed && this._isHeld === null) this._setUnreffed(false)
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

  /** Chooses whether the process stays alive, whatever commands follow. */
  holdProcess(isHeld) {
    this._isHeld = isHeld
    if (!this.closed && this._unreffed === isHeld) this._setUnreffed(!isHeld)
  }

  /** Binds a socket of the program, and returns its number. */
  bindSocket(host, port, ipv6Only, reuseAddress) {
    return this._ask(node => node.bindSocket(b4a.from(host), port, ipv6Only, reuseAddress))
  }

  /** Sends a datagram. Returns false if the socket is not open. */
  sendDatagram(socket, { host, family, port }, ttl, data) {
    if (this.closed) return false
    if (family === 4) return this._node.sendDatagram(socket, numberOf(host), port, ttl, data)
    return this._node.sendDatagramIpv6(socket, b4a.from(host), port, ttl, data)
  }

  setTtl(socket, ttl) {
    this._ask(node => node.setTtl(socket, ttl))
  }

  recvBufferSize(socket) {
    return this._ask(node => node.recvBufferSize(socket))
  }

  sendBufferSize(socket) {
    return this._ask(node => node.sendBufferSize(socket))
  }

  setRecvBufferSize(socket, bytes) {
    this._ask(node => node.setRecvBufferSize(socket, bytes))
  }

  setSendBufferSize(socket, bytes) {
    this._ask(node => node.setSendBufferSize(socket, bytes))
  }

  /** Joins a multicast group or leaves it. */
  setMembership(socket, group, iface, join) {
    this._ask(node => node.setMembership(socket, b4a.from(group), b4a.from(iface), join))
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

  /** Sends an unordered message without the secret stream. */
  sendRaw(conn, data) {
    if (!this.closed) this._node.sendRaw(conn, data)
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

  _ask(question) {
    if (this.closed) throw new Error('Socket not active')
    try {
      return question(this._node)
    } catch (err) {
      throw systemError(err)
    }
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
const KEPT = ['stats', 'live', 'nodes', 'localHost', 'totalTraffic']

/** All nodes of a routing table, whose 256 rows hold 20 each. */
const MAX_NODES = 256 * 20

/** Bytes for most answers. A longer answer makes its own room. */
const SCRATCH = 4096

function open(config, wake) {
  return withoutTrace(c.encode(border.options, config), bytes => binding.open(bytes, wake))
}

// An IPv4 address as a number.
function numberOf(host) {
  return host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

/**
 * Wipes encoded bytes once they are used: there may be a secret key in them.
 *
 * @param {Uint8Array} bytes
 * @param {(bytes: Uint8Array) => any} use
 */
function withoutTrace(bytes, use) {
  try {
    return use(bytes)
  } finally {
    wipe.call(bytes, 0)
  }
}

// that of buffers looks at its arguments first
const wipe = Uint8Array.prototype.fill

// Errors of the binding are `CODE: message`; those of the reference have `message` and a code.
function systemError(err) {
  const [all, code, message] = err.message.match(/^(E[A-Z]+): (.*)$/) || []
  if (!all) return err
  const named = new Error(message)
  named.code = code
  return named
}
