/** A UDP socket of a node, as far as programs look at it. There is one object for each. */
module.exports = class UDXSocket {
  /**
   * @param {number} id
   * @param {{ host: string, port: number } | null} address
   * @param {() => void} onidle when the last stream on it is gone
   */
  constructor(id, address, onidle) {
    this.id = id
    this.bound = address !== null
    this.closing = false
    this.streams = new Set()
    this.userData = null

    this._address = address
    this._onidle = onidle
  }

  get idle() {
    return this.streams.size === 0
  }

  get busy() {
    return this.streams.size > 0
  }

  address() {
    if (this._address === null) return null
    return { host: this._address.host, family: 4, port: this._address.port }
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

  /** Its address stays, as that of a closed socket of the reference does. */
  _close() {
    this.closing = true
  }

  _addStream(stream) {
    this.streams.add(stream)
  }

  _removeStream(stream) {
    this.streams.delete(stream)
    if (this.idle) this._onidle()
  }
}
