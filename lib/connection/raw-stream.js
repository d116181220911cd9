const OpenedStream = require('./opened-stream')
const { NO_KEEP_ALIVES, showNumbers } = require('../udx/measurement')

/** The UDX stream below a connection. The secret stream reads and writes its bytes. */
module.exports = class RawStream extends OpenedStream {
  /**
   * @param {import('./secret-stream')} stream
   * @param {import('./raw-side')} side its link
   * @param {import('./channel')} channel
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor(stream, side, channel, transport) {
    super(channel, side, transport)

    this._stream = stream
    this._isLate = !side.isKnown // the connection had closed before
    this.on('error', noop) // the connection reports it
    this.resume() // so that it ends when the peer does
  }

  get destroyed() {
    return super.destroyed || this._isLate
  }

  get destroying() {
    return super.destroying || !!this._stream?.destroying
  }

  /** Throws: the peer would take the bytes for a frame of the secret stream. */
  write() {
    throw new Error('The secret stream writes here: write to the connection')
  }

  /** Ends the write side of the connection. */
  end(data) {
    if (typeof data === 'function') this.once('finish', data)
    else if (data !== undefined && data !== null) this.write()
    this._stream.end()
    return this
  }

  destroy(err) {
    this._stream.destroy(err)
  }
}

showNumbers(module.exports, NO_KEEP_ALIVES)

function noop() {}
