// Access to the internal parts of a node. They are kept under a symbol, which cannot collide with a
// name in a program or a subclass.

const INTERNALS = Symbol('internals')

/**
 * Stores the internals of a node in the node, or in an object that belongs to it.
 *
 * @param {object} object
 * @param {import('../dht/internals')} internals
 */
exports.keepInternals = function keepInternals(object, internals) {
  object[INTERNALS] = internals
}

/**
 * Returns the internals. Undefined before the constructor has stored them.
 *
 * @returns {import('../dht/internals')}
 */
exports.internalsOf = function internalsOf(object) {
  return object[INTERNALS]
}
