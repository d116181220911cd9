// Which implementations an interop test combines, from HYPERDHT_CELLS and HYPERDHT_INTEROP_RUNTIME.

const { process } = require('../helpers/runtime')

const referenceOnly = process.env.HYPERDHT_CELLS === 'reference-only'

/** Where our own processes run: 'node' or 'bare'. The reference always runs in Node. */
exports.runtime = process.env.HYPERDHT_INTEROP_RUNTIME || 'node'

exports.nodeKinds = referenceOnly ? ['reference'] : ['reference', 'native', 'mixed']

/** The implementations that take part. */
exports.implementations = referenceOnly ? ['reference'] : ['reference', 'native']

/** Pairs of (server, client) to try in a world of `nodes`. */
exports.pairs = function pairs(nodes) {
  const peers = exports.implementations
  const all = peers.flatMap(server => peers.map(client => ({ server, client })))
  if (exports.runtime === 'node') return all
  return all.filter(({ server, client }) =>
    [nodes, server, client].some(kind => kind !== 'reference')
  )
}

/** The implementation of a single role: ours, unless only the reference is tested. */
exports.ours = referenceOnly ? 'reference' : 'native'
