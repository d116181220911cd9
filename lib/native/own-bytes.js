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
 * Makes the garbage collector of Bare collect young objects.
 *
 * V8 collects young objects alone, within a millisecond, when their space is full. It collects all
 * objects when buffers hold much memory. A received message is a small object with much memory. In
 * Bare the space is large, so the buffers reach their limit first. A collection of all objects
 * takes 20 ms, and Bare runs no timers before it is complete. So in Bare this fills the space with
 * half as many bytes as the buffers take.
 */
const remind = typeof Bare === 'undefined' ? () => {} : fillSpace

// reachable, because the compiler leaves out an array that is not used
const space = { filler: null }

function fillSpace(bytes) {
  for (let left = bytes; left > 0; left -= 2 * FILLER) {
    space.filler = new Array(Math.min(left / 2, FILLER) >> 3)
  }
}

/** In bytes. V8 keeps much larger objects in another space. */
const FILLER = 64 * 1024
