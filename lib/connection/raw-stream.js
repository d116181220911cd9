const RawSide = require('./raw-side')
const UDXStream = require('../udx/stream')
const { showNumbers } = require('../udx/measurement')
const { track } = require('./raw-streams')

/** The UDX stream below a connection. The secret stream reads and writes its bytes. */
module.exports = class RawStream extends UDXStream {
  /**
   * @param {import('./secret-stream')} stream
   * @param {import('./channel')} channel
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor(stream, channel, { socket, localId, remoteId, remote }) {
    super(channel.udx, localId, {}, new RawSide(channel))

    this.socket = channel.sockets.attach(socket, this)
    this.remoteId = remoteId
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.remoteFamily = 4

    this._stream = stream
    track(channel.rawStreams, this)
    this.on('error', noop) // the connection reports it
    this.resume() // so that it ends when the peer does
  }

  get destroying() {
    return super.destroying || this._stream.destroying
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

showNumbers(module.exports, { keepAlivesSent: 0, keepAlivesReceived: 0 })

function noop() {}
