// A process with a blind relay: our own, or the npm module blind-relay on a node of either kind.

const b4a = require('b4a')
const { DHT, isNative } = require('../implementation')
const memory = require('../memory-watch')
const serve = require('../role')
const { sleep } = require('../fixtures')

let dht = null
let relay = null

/** The connections to the module. */
const accepted = new Set()

serve({
  /**
   * Resolves with the relay's public key. The module runs on the reference, and with `npm` on ours
   * as well.
   */
  async listen({ bootstrap, options = {}, npm = false, dhtOptions }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1', ...dhtOptions })
    await dht.fullyBootstrapped()
    relay = isNative && !npm ? dht.createRelay(options) : createRelay()
    await relay.listen(DHT.keyPair())
    return { publicKey: b4a.toString(relay.publicKey, 'hex') }
  },

  stats() {
    const { sessions, pairings, bytes } = relay.stats
    return { sessions: { active: sessions.active }, pairings: { ...pairings }, bytes }
  },

  ...memory,

  /** Resolves when each connection to the relay has got this many packets more than now. */
  async packets({ count }) {
    const connections = [...accepted].map(({ rawStream }) => rawStream)
    const enough = connections.map(stream => stream.packetsReceived + count)
    while (connections.some((stream, i) => stream.packetsReceived < enough[i])) await sleep(50)
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
    accepted.add(conn)
    conn.on('error', noop)
    conn.on('close', () => accepted.delete(conn))
    pairer.accept(conn, { id: conn.remotePublicKey }).on('error', noop)
  })
  Object.defineProperty(server, 'stats', { get: () => pairer.stats })
  return server
}

function noop() {}
