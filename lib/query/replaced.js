// A program may replace `query` or `request` of a node, or override them in a subclass. The
// reference calls these methods for lookups, announces and records. So if one is replaced,
// JavaScript calls it as well, instead of leaving the work to the core.

const lazily = require('../util/lazily')

const queries = lazily(() => require('./query'))

/**
 * Whether the program has replaced one of these methods of a node.
 *
 * @param {import('../..')} dht
 * @param {Array<'query' | 'request'>} names
 */
exports.isReplaced = function isReplaced(dht, ...names) {
  return names.some(name => !OURS.has(dht[name]))
}

/** Remembers the original methods of the class. */
exports.remember = function remember(RPC) {
  for (const name of ['query', 'request']) OURS.add(RPC.prototype[name])
}

/**
 * Makes a query of the core, or calls the program's own `query` if it has replaced ours.
 *
 * @param {import('../..')} dht
 * @param {object} what as the constructor of Query takes it
 * @param {object} opts
 */
exports.search = function search(dht, what, opts) {
  if (!exports.isReplaced(dht, 'query')) return queries().createQuery(dht, what, opts)
  const { target, command, value = null, map, commit = opts.commit } = what
  return dht.query({ target, command, value }, { ...opts, map, commit })
}

const OURS = new Set()
