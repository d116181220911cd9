// The option `relayThrough`: a key, a list of keys, or a function that returns either. A falsy value
// is no relay.

const { checkBytes } = require('./check')

/** The keys that a value names; none if it is a function. */
exports.relaysOf = function relaysOf(value) {
  if (!value || typeof value === 'function') return []
  const keys = Array.isArray(value) ? value : [value]
  return keys.map(key => checkBytes('relayThrough', key, 32))
}

/** The option if it can be used, or null. Throws otherwise. */
exports.checkRelays = function checkRelays(value) {
  exports.relaysOf(value)
  return value || null
}

/** The keys that a value names at present. */
exports.relaysNow = function relaysNow(value) {
  return exports.relaysOf(typeof value === 'function' ? value() : value)
}

/** One of the keys that a value names at present, or null. */
exports.pickRelay = function pickRelay(value) {
  const keys = exports.relaysNow(value)
  return keys[Math.floor(Math.random() * keys.length)] || null
}
