/** Counts what keeps the process alive: bound sockets, and names that are being resolved. */
module.exports = class Holds {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this._native = native
    this._count = 0
    native.holdProcess(false)
  }

  add() {
    if (this._count++ === 0) this._native.holdProcess(true)
  }

  remove() {
    if (--this._count === 0) this._native.holdProcess(false)
  }

  /** A node of the DHT keeps the process alive by itself. */
  static NONE = { add() {}, remove() {} }
}
