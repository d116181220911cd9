const RawStream = require('./raw-stream')
const { forgetUnseen, trackUnseen } = require('./raw-streams')
const { Measurement, UNMEASURED } = require('../udx/measurement')
const { addUnseen, removeUnseen } = require('../udx/socket')

/**
 * The raw stream below a connection, and its link. Most programs never look at that stream, so it
 * is created when one does: at `rawStream` or `toJSON()` of the connection, `rawStreams` of the
 * node, or `streams` of the socket. It is also created when packets go elsewhere. The secret stream
 * reads and writes, so only messages of the program, and changes of the path, go this way.
 */
module.exports = class RawSide {
  /**
   * @param {import('./secret-stream')} connection
   * @param {import('./channel')} channel
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor(connection, channel, transport) {
    this.measurement = new Measurement(channel, UNMEASURED)

    this.sockets = channel.sockets

    this._connection = connection
    this._channel = channel
    this._transport = transport
    this._socket = channel.sockets.open(transport.socket)
    this._stream = null
    this._handlers = null // of the stream
    this._ownMoves = 0 // of the program, that the core will report
    this._remoteEnded = false
    this._ended = false
    this._closed = false

    channel.attachRaw(this)
    trackUnseen(channel.rawStreams, this)
    addUnseen(this._socket, this)
  }

  /** The raw stream. The first one to ask gets it created. */
  get stream() {
    this.create()
    return this._stream
  }

  /** The id of the raw stream. */
  get id() {
    return this._transport.localId
  }

  /** What the core has measured. */
  get numbers() {
    return this.measurement.read()
  }

  /** Whether the core knows the stream, and the program has not destroyed it. */
  get isKnown() {
    return !this._closed
  }

  get conn() {
    return this._channel.conn
  }

  get hasUnacknowledged() {
    return this._channel.hasUnacknowledged
  }

  get wayBack() {
    return this._channel.wayBack
  }

  /** Creates the stream, unless that is done, and tells it what has happened. */
  create() {
    if (this._stream !== null) return
    this._stream = new RawStream(this._connection, this, this._channel, this._transport)
    if (this._closed) {
      // without the error, which the connection has reported
      this._handlers.onclosed(null)
      return
    }
    this._forgetUnseen()
    if (this._remoteEnded) this._handlers.onremoteend()
    if (this._ended) this._handlers.onend()
  }

  /**
   * Called by the stream.
   *
   * @param {RawStream} _stream
   * @param {import('../udx/raw-link').Handlers} handlers
   */
  attach(_stream, handlers) {
    this._handlers = handlers
  }

  changeRemote(remote) {
    if (this._channel.isKnown) this._ownMoves++
    this._channel.changeRemote(remote)
  }

  relayTo(target) {
    this._channel.relayTo(target)
  }

  setHeartbeat(interval) {
    this._channel.setHeartbeat(interval)
  }

  sendMessage(data) {
    this._channel.sendRaw(data)
  }

  flush() {
    return this._channel.flush()
  }

  resume() {}

  end() {}

  destroy() {}

  // Events of the connection. What happens before the stream exists, it is told when it is created.

  onmessage(data) {
    this._stream?.emit('message', data)
  }

  onmoved({ socket, remote }) {
    this.create() // only a stream can be on two sockets
    const stream = this._stream
    if (this._ownMoves > 0) this._ownMoves--
    else if (!stream.destroying) {
      this._handlers.onmoved(this._channel.sockets.attach(socket, stream), remote)
    }
  }

  onremotechanged() {
    if (this._ownMoves === 0) this._handlers?.onremotechanged()
  }

  onremoteend() {
    this._remoteEnded = true
    this._handlers?.onremoteend()
  }

  onend() {
    this._ended = true
    this._handlers?.onend()
  }

  /** Called when the connection is destroyed, and when the core has forgotten it. */
  onclosed(err, stats) {
    const isFirst = !this._closed
    this._closed = true
    this.measurement.stop(stats)
    if (this._handlers !== null) this._handlers.onclosed(err, stats)
    else if (isFirst) this._forgetUnseen()
  }

  // Calls listeners of the socket, which may look at the stream.
  _forgetUnseen() {
    const socket = this._socket
    this._socket = null
    forgetUnseen(this._channel.rawStreams, this)
    removeUnseen(socket, this)
  }
}
