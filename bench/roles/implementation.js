// What a role runs on: HYPERDHT_IMPL is 'native' (this package) or 'reference' (the npm module).

const opened = require('./opened')

const native = process.env.HYPERDHT_IMPL === 'native'
const DHT = native ? require('../..') : require('hyperdht-reference')

exports.native = native
exports.DHT = DHT
exports.createTestnet = native ? require('../../testnet') : require('hyperdht-reference/testnet')

/** A node that knows that it is not firewalled needs no relay. */
exports.node = async function node(bootstrap, { firewalled = false } = {}) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1', quickFirewall: !firewalled })
  await dht.fullyBootstrapped()
  return dht
}

/** Opens connections to a server, some at once. */
exports.openAll = async function openAll(dht, key, count, options = {}) {
  const conns = []
  const open = async () => {
    while (conns.length < count) {
      const conn = dht.connect(key, options)
      conns.push(conn)
      conn.on('error', noop)
      await opened(conn)
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, open))
  return conns
}

const AT_ONCE = 32

function noop() {}
