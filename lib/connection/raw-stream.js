const UDXSocket = require('../udx/socket')
const UDXStream = require('../udx/stream')
const { measurementOf, showNumbers } = require('../udx/measurement')
const { track } = require('./raw-streams')
const { standIn } = require('../util/unsupported')

/** The UDX stream below a connection: its addresses and its transport statistics. */
module.exports = class RawStream extends UDXStream {
  /**
   * @param {import('./secret-stream')} stream
   * @param {import('./channel')} channel
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor(stream, channel, { socket, localId, remoteId, remote }) {
    super(channel.udx, localId, {}, linkOf(channel))

    this.socket = channel.sockets.attach(socket, this)
    this.remoteId = remoteId
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.remoteFamily = 4

    this._stream = stream
    this._channel = channel
    track(channel.rawStreams, this)
    channel.whenClosed(stats => this._end(stats))
    channel.whenMoved(path => this._move(path))
  }

  get destroying() {
    return super.destroying || this._stream.destroying
  }

  /**
   * Resolves with true when the peer has acknowledged everything that was written to the core.
   *
   * @returns {Promise<boolean>} false if the stream ends before
   */
  async flush() {
    if (this.destroying) return false
    return this._channel.flush()
  }

  destroy(err) {
    this._stream.destroy(err)
  }

  _move({ socket: id, remote }) {
    const former = this.socket
    this.socket = this._channel.sockets.attach(id, this)
    this.remoteHost = remote.host
    this.remotePort = remote.port
    if (former !== this.socket) UDXSocket.removeStream(former, this)
    this.emit('remote-changed')
  }

  _end(stats) {
    measurementOf(this).stop(stats)
    super.destroy(ENDED)
  }
}

// Without an error, streamx makes this one for each stream that is destroyed. Its stack trace costs
// more than the rest of a connection's end, so the streams share one.
const ENDED = Object.assign(new Error('Stream was destroyed'), { code: 'STREAM_DESTROYED' })

showNumbers(module.exports, { keepAlivesSent: 0, keepAlivesReceived: 0 })

standIn(
  module.exports.prototype,
  'rawStream',
  [
    ...['relayTo', 'trySend', 'setKeepalive'],
    ...['write', 'end', 'cork', 'uncork', 'read', 'push', 'unshift', 'setEncoding'],
    ...['pipe', 'pause', 'resume', Symbol.asyncIterator]
  ],
  ['changeRemote', 'send']
)

// The secret stream reads and writes, so only the statistics are left.
function linkOf(channel) {
  return {
    conn: -1,
    measure: () => channel.measure(),
    resume() {},
    destroy() {}
  }
}
