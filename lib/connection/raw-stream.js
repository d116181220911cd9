const { EventEmitter } = require('events')
const unsupported = require('../util/unsupported')

/** The UDX stream under a connection: where it goes to, and what its transport measures. */
module.exports = class RawStream extends EventEmitter {
  /**
   * @param {import('./secret-stream')} stream
   * @param {object} transport what the core said when it opened
   */
  constructor(stream, { socket, localId, remoteId, remote }) {
    super()

    this.udx = unsupported.udx
    this.socket = socket
    this.id = localId
    this.remoteId = remoteId
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.remoteFamily = 4
    this.userData = null
    this.destroyed = false

    this._stream = stream
    this._measured = NOTHING
    this._flushes = new Map() // by number, what to resolve
    this._nextFlush = 0
    socket._addStream(this)
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
   * Resolves when the peer has acknowledged all that has left the connection's own queue so far.
   *
   * @returns {Promise<boolean>} false if the stream ends before
   */
  async flush() {
    if (this.destroying) return false
    return new Promise(resolve => {
      const flush = this._nextFlush++
      this._flushes.set(flush, resolve)
      this._stream._command('flush', { flush })
    })
  }

  /** A hint about speed, which the core does not need: no packet waits for another. */
  setInteractive() {}

  destroy(err) {
    this._stream.destroy(err)
  }

  _measure() {
    if (!this.destroyed) this._measured = this._stream._inspectTransport() || this._measured
    return this._measured
  }

  _onflushed(flush) {
    const resolve = this._flushes.get(flush)
    this._flushes.delete(flush)
    resolve(true)
  }

  _close() {
    if (this.destroyed) return
    this._measure()
    this.destroyed = true
    this.socket._removeStream(this)
    this.socket = null
    for (const resolve of this._flushes.values()) resolve(false)
    this._flushes.clear()
    this.emit('close')
  }
}

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

for (const name of Object.keys(NOTHING)) {
  Object.defineProperty(module.exports.prototype, name, {
    configurable: true,
    get() {
      return this._measure()[name]
    }
  })
}

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
