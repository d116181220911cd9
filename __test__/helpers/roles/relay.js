// A process with a blind relay: our own, or the npm module blind-relay on a node of the reference.

const b4a = require('b4a')
const { DHT, isNative } = require('../implementation')
const serve = require('../role')

let dht = null
let relay = null

serve({
  /** Resolves with the relay's public key. */
  async listen({ bootstrap, options = {} }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1' })
    await dht.fullyBootstrapped()
    relay = isNative ? dht.createRelay(options) : createRelay()
    await relay.listen(DHT.keyPair())
    return { publicKey: b4a.toString(relay.publicKey, 'hex') }
  },

  stats() {
    const { sessions, pairings, bytes } = relay.stats
    return { sessions: { active: sessions.active }, pairings: { ...pairings }, bytes }
  },

  async destroy() {
    await dht.destroy()
  }
})

function createRelay() {
  const BlindRelay = require('blind-relay')
  const pairer = new BlindRelay.Server({
    createStream: opts => dht.createRawStream({ ...opts, framed: true })
  })
  const server = dht.createServer({ shareLocalAddress: false }, conn => {
    conn.on('error', noop)
    pairer.accept(conn, { id: conn.remotePublicKey }).on('error', noop)
  })
  Object.defineProperty(server, 'stats', { get: () => pairer.stats })
  return server
}

function noop() {}
