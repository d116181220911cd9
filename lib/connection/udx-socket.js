const unsupported = require('../util/unsupported')
const { showNumbers, startMeasuring } = require('./measurement')

/** The public view of a UDP socket of a node. */
module.exports = class UDXSocket {
  /**
   * @param {number} id
   * @param {{ host: string, family: number, port: number } | null} address
   * @param {{ measure: () => object | null }} traffic asks the core for the numbers below
   */
  constructor(id, address, traffic) {
    this.id = id
    this.udx = unsupported.udx
    this.bound = address !== null
    this.closing = false
    this.streams = new Set()
    this.userData = null

    this._address = address
    startMeasuring(this, traffic, NO_TRAFFIC)
  }

  get idle() {
    return this.streams.size === 0
  }

  get busy() {
    return this.streams.size > 0
  }

  address() {
    if (this._address === null) return null
    return { ...this._address }
  }

  toJSON() {
    return {
      bound: this.bound,
      closing: this.closing,
      streams: this.streams.size,
      address: this.address(),
      idle: this.idle,
      busy: this.busy
    }
  }
}

/** The traffic of a socket before its first measurement. */
const NO_TRAFFIC = {
  bytesTransmitted: 0,
  bytesReceived: 0,
  packetsTransmitted: 0,
  packetsReceived: 0
}

showNumbers(module.exports, NO_TRAFFIC)

unsupported.standIn(
  module.exports.prototype,
  'socket',
  [
    ...['bind', 'trySend', 'setTTL', 'addMembership', 'dropMembership'],
    ...['getRecvBufferSize', 'setRecvBufferSize', 'getSendBufferSize', 'setSendBufferSize'],
    ...unsupported.EMITTER
  ],
  ['close', 'send']
)
