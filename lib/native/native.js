const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../../binding')
const border = require('./border')
const Messages = require('./messages')
const Protection = require('./protection')

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
   * @param {((fd: number) => unknown) | null} [protect] called with each socket before it is used
   */
  constructor(config, wake, protect = null) {
    this.closed = false
    this._unreffed = false
    this._isHeld = null // commands keep the process alive
    this._held = 0 // unordered messages that wait until microtasks run
    this._messages = null // those of them that are still in JavaScript's memory
    this._releaseHeld = () => this._release()
    this._last = new Map()
    this._scratch = b4a.allocUnsafeSlow(SCRATCH)
    this._protection = protect && new Protection(protect)
    try {
      this._node = open(config, wake, this._protection)
    } catch (err) {
      throw this._named(err)
    }
  }

  /** Gives the engine one command of border.js. */
  command(name, message) {
    if (this.closed) return
    this._release()
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
    return this._ask(node => {
      const binder = this._protection || node
      return binder.bindSocket(b4a.from(host), port, ipv6Only, reuseAddress)
    })
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
    if (batch.length === 1) this._node.write(conn, batch[0])
    else this._node.writeAll(conn, batch)
  }

  /** Sends an unordered message, together with others of the same turn. */
  sendMessage(conn, data) {
    if (this.closed) return
    this._hold()
    this._messages ??= new Messages()
    if (this._messages.add(conn, data)) return
    this._pour()
    if (!this._messages.add(conn, data)) this._node.sendMessage(conn, data)
  }

  /** The same without the secret stream. */
  sendRaw(conn, data) {
    if (this.closed) return
    this._hold()
    this._pour()
    this._node.sendRaw(conn, data)
  }

  /**
   * Reports what readers have taken, under one lock.
   *
   * @param {{ conn: number, takeConsumed: () => number }[]} readers
   */
  consumed(readers) {
    if (this.closed) return
    if (readers.length === 1) return this._consumed(readers)
    this._corked(() => this._consumed(readers))
  }

  /**
   * Moves events into the slab.
   *
   * @returns {number} twice the bytes written, and one more if events may be left; or minus the room
   *   that the next event needs
   */
  drain(slab) {
    return this.closed ? 0 : this._node.drain(slab)
  }

  /** From here on, the engine calls `wake` once for several unordered messages. */
  joinMessages() {
    if (!this.closed) this._node.joinMessages()
  }

  /** Tells the runtime of an exception that nobody has caught. */
  report(err) {
    binding.reportUncaught(err)
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
    this._release()
    const { number } = border.QUESTIONS.get(name)

    let n = this._node.inspect(number, argument, this._scratch)
    while (n < 0) {
      this._scratch = b4a.allocUnsafeSlow(-n)
      n = this._node.inspect(number, argument, this._scratch)
    }
    return n === 0 ? null : border.decodeAnswer(name, c.state(0, n, this._scratch))
  }

  /** Why the node did not wake, if the program has refused its sockets. Else null. */
  takeRefusal() {
    return this._protection?.takeMainError() || null
  }

  /** How many times the program has refused sockets of the engine. */
  get refusals() {
    return this._protection === null ? 0 : this._protection.refusals
  }

  /**
   * Adds the program's own error to that of a connection which got no socket.
   *
   * @param {Error & { trace?: object }} err
   * @param {number} before the refusals before the connection began
   */
  explain(err, before) {
    const isRefused = this.refusals > before
    if (isRefused && err.trace?.reason === 'noSocket') err.cause = this._protection.error
    return err
  }

  /** Whether it is what the program's own hook has thrown. */
  isRefusal(err) {
    return this._protection !== null && this._protection.thrown === err
  }

  _named(err) {
    return this.isRefusal(err) ? err : systemError(err)
  }

  _ask(question) {
    if (this.closed) throw new Error('Socket not active')
    try {
      return question(this._node)
    } catch (err) {
      throw this._named(err)
    }
  }

  // A reader has no number any more if the core has forgotten its stream.
  _consumed(readers) {
    for (const reader of readers) {
      const bytes = reader.takeConsumed()
      if (reader.conn !== -1) this._node.consumed(reader.conn, bytes)
    }
  }

  // The node keeps messages until the microtasks run, and then sends them with few system calls. A
  // command must not overtake them: if it ends their connection, they are never sent.
  _hold() {
    if (this._held === HELD_AT_ONCE) this._release()
    if (this._held++ > 0) return
    this._node.cork()
    queueMicrotask(this._releaseHeld)
  }

  _release() {
    if (this._held === 0) return
    this._held = 0
    try {
      this._pour()
    } finally {
      this._node.uncork()
    }
  }

  _pour() {
    if (this._messages !== null && !this._messages.isEmpty) {
      this._node.sendMessages(this._messages.take())
    }
  }

  // `give` may throw. A node that stays corked would never take a command again.
  _corked(give) {
    this._release()
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
    this._release()
    for (const name of KEPT) this._last.set(name, this.inspect(name, MAX_NODES))
    this.closed = true
    this._node.close()
    this._node = null
    this._scratch = null
    this._messages = null
    if (this._protection) this._protection.close()
  }
}

/** The most messages that are sent together. */
const HELD_AT_ONCE = 64

/** The questions that are still answered after the node has closed. */
const KEPT = ['stats', 'live', 'nodes', 'localHost', 'totalTraffic']

/** All nodes of a routing table, whose 256 rows hold 20 each. */
const MAX_NODES = 256 * 20

/** Bytes for most answers. A longer answer makes its own room. */
const SCRATCH = 4096

function open(config, wake, protection) {
  if (config === null) return protection ? protection.open(null, wake) : binding.openUdx(wake)
  return withoutTrace(c.encode(border.options, config), bytes => {
    return protection ? protection.open(bytes, wake) : binding.open(bytes, wake)
  })
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
