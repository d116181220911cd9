// A process with one persistent node that announces, stores records, and finds them again.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const serve = require('../role')

let dht = null
let count = null

serve({
  /** Joins a network, or begins one at `port`. */
  async start({ bootstrap, port }) {
    const common = { host: HOST, ephemeral: false, firewalled: false }
    dht = port ? DHT.bootstrapper(port, HOST, common) : new DHT({ bootstrap, ...common })
    await dht.fullyBootstrapped()
    return { port: dht.address().port, persistent: dht.id !== null }
  },

  /** Damages what this node sends and receives; for the reference only. */
  damage(options) {
    count = require('../damage')(options)
  },

  /** State that a datagram of a stranger must not change. */
  state() {
    const { id, ephemeral, firewalled, bootstrapped, destroyed } = dht
    return { id: hex(id), ephemeral, firewalled, bootstrapped, destroyed }
  },

  /** Datagrams that were damaged here, and that this node counted as dropped (ours only). */
  counters() {
    const dropped = Object.values(dht.stats.dropped || {}).reduce((sum, n) => sum + n, 0)
    return { damaged: count ? count.damaged : 0, dropped }
  },

  /** Stores one thing. Resolves with how to find it, and with what must be found. */
  put({ kind, ...thing }) {
    return puts[kind](thing)
  },

  /** Finds a thing. Resolves with the values that were found, as strings. */
  find({ kind, key }) {
    return finds[kind](b4a.from(key, 'hex'))
  }
})

const puts = {
  async announce({ topic }) {
    await dht.announce(b4a.from(topic, 'hex'), dht.defaultKeyPair, []).finished()
    return { kind: 'announce', key: topic, expected: hex(dht.defaultKeyPair.publicKey) }
  },

  async immutable({ value }) {
    const { hash } = await dht.immutablePut(b4a.from(value))
    return { kind: 'immutable', key: hex(hash), expected: value }
  },

  async mutable({ seed, seq, value }) {
    const keyPair = DHT.keyPair(b4a.from(seed, 'hex'))
    const { publicKey } = await dht.mutablePut(keyPair, b4a.from(value), { seq })
    return { kind: 'mutable', key: hex(publicKey), expected: `${seq} ${value}` }
  }
}

const finds = {
  async announce(topic) {
    const found = new Set()
    for await (const { peers } of dht.lookup(topic)) {
      for (const peer of peers) found.add(hex(peer.publicKey))
    }
    return [...found]
  },

  async immutable(hash) {
    const result = await dht.immutableGet(hash)
    return result ? [b4a.toString(result.value)] : []
  },

  async mutable(publicKey) {
    const result = await dht.mutableGet(publicKey)
    return result ? [`${result.seq} ${b4a.toString(result.value)}`] : []
  }
}

function hex(buffer) {
  return b4a.toString(buffer, 'hex')
}

const HOST = '127.0.0.1'
