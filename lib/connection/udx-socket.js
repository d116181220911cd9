const unsupported = require('../util/unsupported')
const { showNumbers, startMeasuring } = require('./measurement')

/** The public view of a UDP socket of a node. */
module.exports = class UDXSocket {
  /**
   * @param {number} id
   * @param {{ host: string, family: number, port: number } | null} address
   * @param {object} core
   * @param {() => object | null} core.measure the numbers below
   * @param {(receive: boolean) => number} core.bufferSize
   * @param {(receive: boolean, size: number) => void} core.setBufferSize
   */
  constructor(id, address, core) {
    this.id = id
    this.udx = unsupported.udx
    this.bound = address !== null
    this.closing = false
    this.streams = new Set()
    this.userData = null

    this._address = address
    this._core = core
    startMeasuring(this, core, NO_TRAFFIC)
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

  /** Bytes of the system's buffer for datagrams that were not read yet. */
  getRecvBufferSize() {
    return this._bufferSize(true)
  }

  /** The system may grant less. Linux reports twice what it was asked for. */
  setRecvBufferSize(size) {
    this._setBufferSize(true, size)
  }

  getSendBufferSize() {
    return this._bufferSize(false)
  }

  setSendBufferSize(size) {
    this._setBufferSize(false, size)
  }

  _bufferSize(receive) {
    const size = this._core.bufferSize(receive)
    if (size === 0) throw systemError('bad file descriptor', 'EBADF')
    return size
  }

  _setBufferSize(receive, size) {
    const isValid = Number.isSafeInteger(size) && size > 0 && size <= MAX_BUFFER
    if (!isValid) throw systemError('invalid argument', 'EINVAL')
    if (this._bufferSize(receive) > 0) this._core.setBufferSize(receive, size)
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

/** The system takes the size as a number of 31 bits. */
const MAX_BUFFER = 0x7fffffff

function systemError(message, code) {
  const err = new Error(message)
  err.code = code
  return err
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
  [...['bind', 'trySend', 'setTTL', 'addMembership', 'dropMembership'], ...unsupported.EMITTER],
  ['close', 'send']
)
