// A process that connects to a server, finds peers, and looks topics up.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const captureFeatures = require('../capture-features')
const exchange = require('../exchange')
const { withRelay } = require('../relayed')
const serve = require('../role')

let dht = null

serve({
  async start({ bootstrap, dhtOptions }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1', ...dhtOptions })
    await dht.fullyBootstrapped()
    return { publicKey: b4a.toString(dht.defaultKeyPair.publicKey, 'hex') }
  },

  /** Makes a node and connects in the same tick, as the documentation's client does. */
  connectAtOnce({ bootstrap, ...connection }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1' })
    return connect(connection)
  },

  connect,

  /** Public keys that findPeer yields for a hex key. */
  async findPeer({ publicKey }) {
    const found = new Set()
    for await (const { peer } of dht.findPeer(b4a.from(publicKey, 'hex'))) {
      found.add(b4a.toString(peer.publicKey, 'hex'))
    }
    return [...found]
  },

  /** Public keys of the peers that announced a topic. */
  async lookup({ topic }) {
    const found = new Set()
    for await (const { peers } of dht.lookup(b4a.from(topic, 'hex'))) {
      for (const peer of peers) found.add(b4a.toString(peer.publicKey, 'hex'))
    }
    return [...found]
  },

  punches() {
    return dht.stats.punches
  },

  async destroy() {
    await dht.destroy()
  }
})

/** Connects to a hex key, exchanges `bytes` with the server and reports. */
async function connect({ publicKey, bytes, options = {}, capture }) {
  let features = null
  if (capture) {
    options.createHandshake = captureFeatures(value => {
      features = value
    })
  }
  const conn = dht.connect(b4a.from(publicKey, 'hex'), withRelay('client', options))
  const report = await exchange(conn, bytes, { confirms: !!options.confirms })
  return {
    ...report,
    features,
    handshakeHash: conn.handshakeHash && b4a.toString(conn.handshakeHash, 'hex'),
    publicKey: b4a.toString(conn.publicKey, 'hex')
  }
}
