// One end of a connection through a blind relay whose punch has to wait: a server that echoes, or a
// client.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const serve = require('../role')
const { once } = require('../fixtures')
const { withRelay } = require('../relayed')

let dht = null
let conn = null
let moved = null

serve({
  /** With `delay`, for the reference only, the node is behind a random NAT that far away. */
  async start({ bootstrap, delay, dhtOptions }) {
    if (delay) require('../far')(delay)
    dht = new DHT({ bootstrap, host: '127.0.0.1', ...dhtOptions })
    await dht.fullyBootstrapped()
  },

  async listen({ options }) {
    const server = dht.createServer(withRelay('server', options), conn => {
      conn.on('error', noop)
      conn.on('data', data => conn.write(data))
    })
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  async connect({ publicKey, options }) {
    conn = dht.connect(b4a.from(publicKey, 'hex'), withRelay('client', options))
    conn.on('error', noop)
    await once(conn, 'open')
    moved = once(conn.rawStream, 'remote-changed')
  },

  /** Sends a text, and resolves with its echo. */
  async say({ text }) {
    const echo = once(conn, 'data')
    conn.write(b4a.from(text))
    return b4a.toString(await echo)
  },

  /** Resolves when the connection has left the relay. */
  async moved() {
    await moved
  },

  punches() {
    return dht.stats.punches
  },

  async destroy() {
    await dht.destroy()
  }
})

function noop() {}
