// The numbers of an object that the core measures. The object's class has a getter for each.

const MEASUREMENT = Symbol('measurement')

/** The traffic of a socket before its first measurement. */
exports.NO_TRAFFIC = {
  bytesTransmitted: 0,
  packetsTransmitted: 0,
  bytesReceived: 0,
  packetsReceived: 0,
  packetsDroppedByKernel: 0
}

/** The numbers of a stream before its first measurement. */
exports.NO_TRANSPORT = {
  rtt: 0,
  cwnd: 10,
  mtu: 1200,
  inflight: 0,
  bbrState: 0,
  bbrBandwidth: 0,
  retransmits: 0,
  fastRecoveries: 0,
  rtoCount: 0,
  bytesTransmitted: 0,
  bytesReceived: 0,
  packetsTransmitted: 0,
  packetsReceived: 0
}

/** The core counts keep-alives for connections only. */
exports.NO_KEEP_ALIVES = { keepAlivesSent: 0, keepAlivesReceived: 0 }

/** A stream or connection before its first measurement. */
exports.UNMEASURED = { ...exports.NO_TRANSPORT, ...exports.NO_KEEP_ALIVES }

/** The latest numbers. They stay when the core has no new ones. */
class Measurement {
  /**
   * @param {{ measure: () => object | null }} source asks the core; null if it has no numbers
   * @param {object} initial the numbers before the first measurement
   */
  constructor(source, initial) {
    this.initial = initial
    this._source = source
    this._latest = initial
    this._isStopped = false
  }

  read() {
    if (!this._isStopped) this._latest = this._source.measure() || this._latest
    return this._latest
  }

  /** Keeps the last numbers: those given, or else the core's latest. */
  stop(numbers = null) {
    this._latest = numbers || this.read()
    this._isStopped = true
  }
}

/**
 * Adds a getter for each number to a class.
 *
 * @param {Function} Class
 * @param {object} numbers by their names
 */
exports.showNumbers = function showNumbers(Class, numbers) {
  for (const name of Object.keys(numbers)) {
    Object.defineProperty(Class.prototype, name, {
      configurable: true,
      get() {
        return exports.measurementOf(this).read()[name]
      }
    })
  }
}

/**
 * Gives an object its numbers.
 *
 * @param {object} object of a class with the getters
 * @param {Measurement} measurement
 */
exports.keepMeasurement = function keepMeasurement(object, measurement) {
  object[MEASUREMENT] = measurement
}

exports.Measurement = Measurement

/** @returns {Measurement} */
exports.measurementOf = function measurementOf(object) {
  return object[MEASUREMENT]
}
