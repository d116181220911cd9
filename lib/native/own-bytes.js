// Bytes with memory of their own, and not in a pool: the application may keep them for long, or
// give their memory away.

const b4a = require('b4a')

/** @param {Uint8Array} bytes */
exports.copy = function copy(bytes) {
  const own = b4a.allocUnsafeSlow(bytes.byteLength)
  own.set(bytes)
  return own
}

/**
 * Memory for received data, which is not set to anything.
 *
 * @param {number} length
 */
exports.allocate = function allocate(length) {
  remind(length)
  return b4a.allocUnsafeSlow(length)
}

/**
 * A part of received data.
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
 * Reminds the garbage collector of Bare of the young objects.
 *
 * V8 collects them alone, within a millisecond, when they fill their space; and it collects all
 * objects when there is much memory in buffers. A received message is a small object with much
 * memory. In Bare the space is large and so the buffers are first; and Bare does not run timers
 * before a collection of all objects is complete, for 20 ms. So there the space is filled by half
 * of what the buffers take.
 */
const remind = typeof Bare === 'undefined' ? () => {} : fillSpace

// reachable, because the compiler leaves out an array that is not used
const space = { filler: null }

function fillSpace(bytes) {
  for (let left = bytes; left > 0; left -= 2 * FILLER) {
    space.filler = new Array(Math.min(left / 2, FILLER) >> 3)
  }
}

/** Bytes; V8 keeps much larger objects elsewhere. */
const FILLER = 64 * 1024
