// A process with a server that exchanges data with each connection.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const captureFeatures = require('../capture-features')
const exchange = require('../exchange')
const { withRelay } = require('../relayed')
const serve = require('../role')

let dht = null
let server = null
let confirms = false

const emit = serve({
  /**
   * Listens on a fresh key pair; each connection gets `bytes` of random data. With `delay`, for the
   * reference only, it is behind a NAT that far away.
   */
  async listen({ bootstrap, bytes, options = {}, dhtOptions, capture, atOnce, delay }) {
    confirms = !!options.confirms
    if (delay) require('../far')(delay)
    dht = new DHT({ bootstrap, host: '127.0.0.1', ...dhtOptions })
    if (!atOnce) await dht.fullyBootstrapped()
    if (capture) options.createHandshake = captureFeatures(value => emit('features', value))
    server = dht.createServer({ ...withRelay('server', options), firewall })
    server.on('connection', conn => onconnection(conn, bytes))
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  async announce({ topic }) {
    const query = dht.announce(b4a.from(topic, 'hex'), dht.defaultKeyPair, [])
    await query.finished()
    return { publicKey: b4a.toString(dht.defaultKeyPair.publicKey, 'hex') }
  },

  /** Listens on the default key pair, the one that `announce` signs with. */
  async listenDefault({ bytes }) {
    const other = dht.createServer(conn => onconnection(conn, bytes))
    await other.listen(dht.defaultKeyPair)
  },

  punches() {
    return dht.stats.punches
  },

  async destroy() {
    await dht.destroy()
  }
})

function firewall(remotePublicKey, payload, address) {
  emit('payload', {
    remotePublicKey: b4a.toString(remotePublicKey, 'hex'),
    udx: payload.udx,
    address
  })
  return false
}

async function onconnection(conn, bytes) {
  const atConnection = {
    connected: conn.connected,
    handshakeHash: b4a.toString(conn.handshakeHash, 'hex'),
    remotePublicKey: b4a.toString(conn.remotePublicKey, 'hex')
  }
  emit('connection', atConnection)
  const report = await exchange(conn, bytes, { confirms })
  emit('report', { ...report, ...atConnection })
}
