/**
 * Unordered messages that wait to be given to the engine together: one behind the other in memory
 * that it reads in one call. For each there are the number of its stream and its length, 32 bits in
 * the order of this machine, and its bytes, with as many behind it as make a multiple of four.
 */
module.exports = class Messages {
  constructor() {
    this._memory = new ArrayBuffer(ROOM)
    this._words = new Uint32Array(this._memory)
    this._bytes = new Uint8Array(this._memory)
    this._end = 0
  }

  get isEmpty() {
    return this._end === 0
  }

  /**
   * Copies a message. Returns false if there is no room for it.
   *
   * @param {number} conn
   * @param {Uint8Array} data
   */
  add(conn, data) {
    const { byteLength } = data
    const start = this._end + HEAD
    if (start + byteLength > ROOM) return false
    this._words[this._end >> 2] = conn
    this._words[(this._end >> 2) + 1] = byteLength
    this._bytes.set(data, start)
    this._end = (start + byteLength + 3) & ~3
    return true
  }

  /** The bytes of all messages, until the next one is added. */
  take() {
    const bytes = this._bytes.subarray(0, this._end)
    this._end = 0
    return bytes
  }
}

/** In bytes. As much as one system call sends; memory that is never used costs nothing. */
const ROOM = 64 * 1024

/** Bytes before those of a message. */
const HEAD = 8
