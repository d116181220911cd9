// What the core does by itself and a program may want to do: a method that it replaces, or that a
// subclass overrides, is called for all that the reference builds upon it in JavaScript.

/**
 * Whether one of these methods of a node is not ours. Then the core must not do without it.
 *
 * @param {import('../..')} dht
 * @param {Array<'query' | 'request'>} names
 */
exports.isReplaced = function isReplaced(dht, ...names) {
  return names.some(name => !OURS.has(dht[name]))
}

/** Remembers the methods of the class that are ours. */
exports.remember = function remember(RPC) {
  for (const name of ['query', 'request']) OURS.add(RPC.prototype[name])
}

/**
 * A query of ours, as the core makes it; by the program's own `query` if it has one.
 *
 * @param {import('../..')} dht
 * @param {object} what as of query.js
 * @param {object} opts
 */
exports.search = function search(dht, what, opts) {
  if (!exports.isReplaced(dht, 'query')) return dht._query(what, opts)
  const { target, command, value = null, map, commit = opts.commit } = what
  return dht.query({ target, command, value }, { ...opts, map, commit })
}

const OURS = new Set()
