const Link = require('./link')
const { Measurement, UNMEASURED } = require('./measurement')

/**
 * The link of a raw stream.
 *
 * @typedef {{ host: string, family: number, port: number }} Address of a peer; the family is 4 or 6
 *
 * @typedef {object} Handlers of a UDX stream. A link calls those that it needs.
 * @property {(socket: object, from: Address) => boolean} onfirewall
 * @property {(socket: object, address: Address) => void} onmoved the core has moved the stream
 * @property {() => void} onremotechanged
 * @property {() => void} onremoteend
 * @property {() => void} onend the write side has ended
 * @property {(err: Error | null, stats?: object | null, isOver?: boolean) => void} onclosed
 */
module.exports = class RawLink extends Link {
  /** @param {object} parts of the engine */
  constructor(parts) {
    super(parts)
    this.measurement = new Measurement(this, UNMEASURED)
    this._handlers = null
    this._ownMoves = 0 // of the program, that the core will report
  }

  /**
   * @param {import('./stream')} stream gets what the peer sends
   * @param {Handlers} handlers
   */
  attach(stream, handlers) {
    this.stream = stream
    this._handlers = handlers
  }

  /**
   * Creates the stream in the core.
   *
   * @param {{ id: number, seq: number, framed: boolean, askFirewall: boolean }} options
   */
  create(options) {
    this.begin('raw', { command: { kind: 'create', options } })
  }

  /**
   * @param {{ socket: number, address: Address, id: number }} remote
   * @param {number} ack the sequence number of the peer's first packet
   */
  connect(remote, ack) {
    this.command('raw', { command: { kind: 'connect', remote, ack } })
  }

  changeRemote(remote) {
    if (this.isKnown) this._ownMoves++
    super.changeRemote(remote)
  }

  /** The core has moved the stream. */
  move(socket, remote) {
    this._handlers.onmoved(this.sockets.attach(socket, this.stream), remote)
  }

  // Events of the core.

  /**
   * Packets go elsewhere from here on: the program has moved the stream, or a connection beside it
   * has proven that the peer has moved. The core may not know of a move of the program yet. The
   * report of that move comes last.
   */
  onpathchanged({ socket, remote }) {
    if (this._ownMoves > 0) this._ownMoves--
    else if (!this.stream.destroying) this.move(socket, remote)
  }

  /** All has arrived that was sent before a move. That is an earlier one, if another is to come. */
  onremotechanged() {
    if (this._ownMoves === 0) this._handlers.onremotechanged()
  }

  /** The program decides on packets that have arrived on another socket than the stream's. */
  onstreamfirewall({ socket, from }) {
    return this._handlers.onfirewall(this.sockets.view(socket), from)
  }

  /**
   * The core has forgotten this stream.
   *
   * @param {Error | null} err
   * @param {object | null} [stats] of the transport; null if the stream was never connected
   */
  onclosed(err, stats = null) {
    this.forget()
    this._handlers.onclosed(err, stats, this.isOver)
    // a write that waits would keep the stream from closing
    this.continueWrite(null)
  }
}
