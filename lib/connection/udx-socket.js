const unsupported = require('../util/unsupported')

/** A UDP socket of a node, as far as programs look at it. There is one object for each. */
module.exports = class UDXSocket {
  /**
   * @param {number} id
   * @param {{ host: string, family: number, port: number } | null} address
   * @param {{ onidle: () => void, traffic: () => object | null }} node `onidle` when the last
   *   stream on it is gone; `traffic` counts what has passed, null once it is closed
   */
  constructor(id, address, { onidle, traffic }) {
    this.id = id
    this.udx = unsupported.udx
    this.bound = address !== null
    this.closing = false
    this.streams = new Set()
    this.userData = null

    this._address = address
    this._onidle = onidle
    this._readTraffic = traffic
    this._traffic = NOTHING
  }

  /**
   * That of a socket of the core.
   *
   * @param {import('../dht/rpc')} dht
   * @param {number} id
   * @param {boolean} passes one for punching: it goes with its last stream
   */
  static of(dht, id, passes) {
    const address = dht._native.inspect('localAddress', id)
    const family = dht._dualStack ? { host: '::', family: 6 } : { family: 4 }
    return new UDXSocket(id, address && { host: address.host, ...family, port: address.port }, {
      onidle: () => passes && dht._sockets.delete(id),
      traffic: () => dht._native.inspect('traffic', id)
    })
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

  /** Its address stays, as that of a closed socket of the reference does. */
  _close() {
    this._measure()
    this._readTraffic = () => null
    this.closing = true
  }

  _measure() {
    this._traffic = this._readTraffic() || this._traffic
    return this._traffic
  }

  _addStream(stream) {
    this.streams.add(stream)
  }

  _removeStream(stream) {
    this.streams.delete(stream)
    if (this.idle) this._onidle()
  }
}

const NOTHING = { bytesTransmitted: 0, bytesReceived: 0, packetsTransmitted: 0, packetsReceived: 0 }

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
  'socket',
  [
    ...['bind', 'trySend', 'setTTL', 'addMembership', 'dropMembership'],
    ...['getRecvBufferSize', 'setRecvBufferSize', 'getSendBufferSize', 'setSendBufferSize'],
    ...unsupported.EMITTER
  ],
  ['close', 'send']
)
