// Bytes with memory of their own, outside of a pool: the application may keep them for long, or
// transfer their memory away.

const b4a = require('b4a')

/** @param {Uint8Array} bytes */
exports.copy = function copy(bytes) {
  const own = b4a.allocUnsafeSlow(bytes.byteLength)
  own.set(bytes)
  return own
}

/**
 * Uninitialised memory for received data.
 *
 * @param {number} length
 */
exports.allocate = function allocate(length) {
  remind(length)
  return b4a.allocUnsafeSlow(length)
}

/**
 * A copy of a part of received data.
 *
 * @param {Buffer} buffer
 * @param {number} start
 * @param {number} end
 * @returns {Buffer}
 */
exports.slice = function slice(buffer, start, end) {
  remind(end - start)
  return sliceOfTyped.call(buffer, start, end)
}

// Buffer has a `slice` of its own, which copies nothing.
const sliceOfTyped = Uint8Array.prototype.slice

/**
 * Makes the garbage collector collect young objects more often.
 *
 * V8 collects young objects alone, within a millisecond, when their space is full. A received
 * message is a small object with much memory elsewhere, so the space fills slowly. This fills it
 * with half as many bytes as the buffers take.
 *
 * In Node, a thread of V8 frees the memory of the dead buffers, and the next collection waits for
 * it: 3 ms for 15 000 buffers, if other threads keep the processors busy. With more collections,
 * each has fewer buffers to free. Their number counts, not their size, so large ones add no more
 * than `MOST` bytes.
 *
 * In Bare the space is large, so the buffers first reach the limit at which V8 collects all
 * objects. This takes 20 ms, and Bare runs no timers before it is complete.
 *
 * @param {number} bytes
 */
function remind(bytes) {
  let left = Math.min(bytes / 2, MOST)
  for (; left > FILLER; left -= FILLER) fill(FILLER)
  fill(left)
}

// The array is reachable, because the compiler leaves out one that is not used.
function fill(bytes) {
  space.filler = new Array(bytes >> 3)
}

const space = { filler: null }

/** In bytes, for one message. */
const MOST = typeof Bare === 'undefined' ? 512 : Infinity

/** In bytes. V8 keeps much larger objects in another space. */
const FILLER = 64 * 1024
