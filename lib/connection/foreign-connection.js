const CarriedLink = require('./carried-link')
const OpenedStream = require('./opened-stream')
const context = require('../native/context')

/**
 * A connection whose secret stream the program makes, until the connection is open. Then the core
 * carries the bytes of that stream, and this object is no longer needed.
 */
module.exports = class ForeignConnection {
  /**
   * @param {import('../dht/internals')} internals
   * @param {import('streamx').Duplex & { start: Function }} stream of the program
   * @param {import('./foreign-handshake')} handshake
   * @param {Function | null} holepunch decides whether to punch
   */
  constructor(internals, stream, handshake, holepunch) {
    /** The refusals of sockets before the connection began. */
    this.refusalsBefore = 0
    /** That of the caller. */
    this.context = context.capture()

    this._internals = internals
    this._stream = stream
    this._handshake = handshake
    this._holepunch = holepunch
    this._id = -1 // while the core connects

    stream.on('close', () => this._cancel())
  }

  /** Tells the core to connect. If this throws, no connection is kept. */
  connect(remotePublicKey, options) {
    const { connections, native } = this._internals
    this.refusalsBefore = native.refusals
    connections.begin(this, conn => {
      native.command('connect', { conn, remotePublicKey, options })
      this._id = conn
    })
  }

  // Events of the core.

  onopened(opened) {
    this.context = null
    if (this._stream.destroying) return this._cancel()
    this._id = -1
    const rawStream = carryStream(this._internals, opened, question => {
      return this.onholepunch(question)
    })
    this._stream.start(rawStream, { handshake: this._handshake.result })
  }

  /** The core has forgotten this connection, which has not opened. */
  onclosed(err) {
    this.context = null
    this._id = -1
    this._stream.destroy(err)
  }

  onhandshake(question) {
    return this._handshake.answer(question)
  }

  onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    if (this._holepunch === null) return true
    return this._holepunch(remoteFirewall, localFirewall, remoteAddresses, localAddresses)
  }

  // What comes after `onopened` goes to the raw stream.
  _cancel() {
    if (this._id === -1) return
    const { connections, native } = this._internals
    native.command('destroyConn', { conn: this._id })
    connections.delete(this._id)
    this._id = -1
  }
}

/**
 * The raw stream below a secret stream of the program.
 *
 * @param {import('../dht/internals')} internals
 * @param {object} opened of the core's event
 * @param {((question: object) => boolean) | null} [onholepunch] decides whether to punch
 */
function carryStream(internals, opened, onholepunch = null) {
  const link = new CarriedLink(internals, opened.conn, onholepunch)
  return new OpenedStream(internals, link, opened)
}
module.exports.carryStream = carryStream
