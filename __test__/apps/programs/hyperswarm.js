// A peer of Hyperswarm. On each connection both ends send a message, which its hash verifies.

const b4a = require('b4a')
const DHT = require('hyperdht')
const Hyperswarm = require('hyperswarm')
const { APART } = require('../../helpers/relayed')
const { crypto } = require('../../helpers/runtime')
const serve = require('../../helpers/role')

let swarm = null

/**
 * The connections whose message is verified. For a moment a pair may have two, until the swarm
 * closes one.
 */
const verified = new Set()

const emit = serve({
  /**
   * @param {object} params
   * @param {object[]} params.bootstrap
   * @param {string[]} [params.refuses] hex keys of peers that the firewall keeps out
   * @param {string} [params.relay] the hex key of a blind relay, which is the only way to others
   */
  async start({ bootstrap, refuses = [], relay }) {
    const firewall = key => {
      const refused = refuses.includes(hex(key))
      if (refused) emit('refused', hex(key))
      return refused
    }
    const relayThrough = relay ? () => b4a.from(relay, 'hex') : null
    const dht = relay ? apart(bootstrap, relay) : undefined
    swarm = new Hyperswarm({ bootstrap, dht, firewall, relayThrough })
    swarm.on('connection', onconnection)
    return { publicKey: hex(swarm.keyPair.publicKey) }
  },

  async join({ topic, ...options }) {
    await swarm.join(b4a.from(topic, 'hex'), options).flushed()
  },

  /** Resolves when just these peers have been met. */
  async meets({ peers }) {
    while (!isSame(peers)) await new Promise(resolve => swarm.once('change', resolve))
  },

  async suspend() {
    await swarm.suspend()
  },

  async resume() {
    await swarm.resume()
  },

  async destroy() {
    await swarm.destroy()
  }
})

function onconnection(conn) {
  conn.on('error', noop)
  conn.on('data', data => {
    const [hash, content] = [data.subarray(0, HASH), data.subarray(HASH)]
    if (content.byteLength !== CONTENT || !b4a.equals(sha256(content), hash)) {
      throw new Error(`damaged message of ${data.byteLength} bytes`)
    }
    verified.add(conn)
    swarm.emit('change')
  })
  conn.on('close', () => {
    verified.delete(conn)
    swarm.emit('change')
  })
  const content = crypto.randomBytes(CONTENT)
  conn.write(b4a.concat([sha256(content), content]))
}

function isSame(peers) {
  const met = new Set([...verified].map(conn => hex(conn.remotePublicKey)))
  return peers.length === met.size && peers.every(peer => met.has(peer))
}

/** A node that reaches others through a relay only. */
function apart(bootstrap, relay) {
  const dht = new DHT({ bootstrap, quickFirewall: false })
  const { connect, createServer } = dht
  dht.connect = (key, options) => {
    // The reference calls this for its connection to the relay, too.
    const apart = hex(key) === relay ? {} : APART.client
    return connect.call(dht, key, { ...options, ...apart })
  }
  dht.createServer = (options, listener) => {
    return createServer.call(dht, { ...options, ...APART.server }, listener)
  }
  return dht
}

function sha256(data) {
  return crypto.createHash('sha256').update(data).digest()
}

function hex(key) {
  return b4a.toString(key, 'hex')
}

function noop() {}

const HASH = 32
const CONTENT = 64 * 1024
