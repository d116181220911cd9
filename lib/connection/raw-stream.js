const { EventEmitter } = require('events')
const unsupported = require('../util/unsupported')
const { measurementOf, showNumbers, startMeasuring } = require('./measurement')

/** The UDX stream below a connection: its addresses and its transport statistics. */
module.exports = class RawStream extends EventEmitter {
  /**
   * @param {import('./secret-stream')} stream
   * @param {import('./channel')} channel
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor(stream, channel, { socket, localId, remoteId, remote }) {
    super()

    this.udx = unsupported.udx
    this.socket = channel.sockets.attach(socket, this)
    this.id = localId
    this.remoteId = remoteId
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.remoteFamily = 4
    this.userData = null
    this.destroyed = false

    this._stream = stream
    this._channel = channel
    startMeasuring(this, channel, NOTHING)
    channel.whenClosed(stats => this._close(stats))
    channel.whenMoved(path => this._move(path))
  }

  get connected() {
    return this.socket !== null
  }

  get destroying() {
    return this.destroyed || this._stream.destroying
  }

  get localHost() {
    return this.socket ? this.socket.address().host : null
  }

  get localFamily() {
    return this.socket ? this.socket.address().family : 0
  }

  get localPort() {
    return this.socket ? this.socket.address().port : 0
  }

  toJSON() {
    return {
      id: this.id,
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      remoteId: this.remoteId,
      remoteHost: this.remoteHost,
      remoteFamily: this.remoteFamily,
      remotePort: this.remotePort,
      mtu: this.mtu,
      rtt: this.rtt,
      cwnd: this.cwnd,
      inflight: this.inflight,
      socket: this.socket ? this.socket.toJSON() : null
    }
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

  /** A hint to send small packets at once. It has no effect, because the core always does so. */
  setInteractive() {}

  destroy(err) {
    this._stream.destroy(err)
  }

  _move({ socket, remote }) {
    const { sockets } = this._channel
    const former = this.socket
    this.socket = sockets.attach(socket, this)
    if (former !== this.socket) sockets.detach(former, this)
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.emit('remote-changed')
  }

  _close(stats) {
    if (this.destroyed) return
    measurementOf(this).stop(stats)
    this.destroyed = true
    this._channel.sockets.detach(this.socket, this)
    this.socket = null
    this.emit('close')
  }
}

/** The numbers of a stream before the first measurement. */
const NOTHING = {
  rtt: 0,
  cwnd: 0,
  mtu: 1200,
  inflight: 0,
  retransmits: 0,
  fastRecoveries: 0,
  rtoCount: 0,
  bytesTransmitted: 0,
  bytesReceived: 0,
  packetsTransmitted: 0,
  packetsReceived: 0,
  keepAlivesSent: 0,
  keepAlivesReceived: 0
}

showNumbers(module.exports, NOTHING)

unsupported.standIn(
  module.exports.prototype,
  'rawStream',
  [
    ...['connect', 'relayTo', 'trySend', 'setKeepalive'],
    ...['write', 'end', 'cork', 'uncork', 'read', 'push', 'unshift', 'setEncoding'],
    ...['pipe', 'pause', 'resume', Symbol.asyncIterator]
  ],
  ['changeRemote', 'send']
)
