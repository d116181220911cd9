// The implementation under test: HYPERDHT_IMPL is 'native' (this package, the default) or
// 'reference' (the npm module hyperdht, installed as hyperdht-reference).

const { process } = require('./runtime')

const name = process.env.HYPERDHT_IMPL || 'native'
if (name !== 'native' && name !== 'reference') {
  throw new Error(`HYPERDHT_IMPL must be 'native' or 'reference', not '${name}'`)
}

exports.name = name
exports.isNative = name === 'native'
exports.DHT = exports.isNative ? require('../..') : require('hyperdht-reference')
exports.createTestnet = exports.isNative
  ? require('../../testnet')
  : require('hyperdht-reference/testnet')
exports.Plugin = exports.isNative
  ? require('../../lib/plugin')
  : require('hyperdht-reference/lib/plugin')

/** The class UDX. The reference has it from a package of its own. */
exports.UDX = exports.isNative ? require('../../udx') : require('udx-native')

/** A node with commands of its own. The reference has it from a package of its own. */
exports.RPC = exports.isNative ? require('../../dht-rpc') : require('dht-rpc')

/** A file of the package that programs require, as 'lib/messages'. */
exports.deep = function deep(file) {
  return require((exports.isNative ? '../../' : 'hyperdht-reference/') + file)
}
