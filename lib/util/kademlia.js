/** The number of nodes in a bucket of the routing table, and of replies that a query keeps. */
exports.K = 20

/**
 * Compares the distances of two ids to a target.
 *
 * @param {Uint8Array} target
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 * @returns {number} negative if `a` is closer
 */
exports.compareDistance = function compareDistance(target, a, b) {
  for (let i = 0; i < a.byteLength; i++) {
    if (a[i] !== b[i]) return (target[i] ^ a[i]) - (target[i] ^ b[i])
  }
  return 0
}

/**
 * The row of the routing table around `own` to which an id belongs: the number of bits in common.
 *
 * @param {Uint8Array} own
 * @param {Uint8Array} id
 */
exports.rowOf = function rowOf(own, id) {
  for (let i = 0; i < own.byteLength; i++) {
    if (own[i] !== id[i]) return i * 8 + Math.clz32(own[i] ^ id[i]) - 24
  }
  return own.byteLength * 8 - 1
}
