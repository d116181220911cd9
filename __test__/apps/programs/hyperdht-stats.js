// A node whose statistics hyperdht-stats shows.

const b4a = require('b4a')
const DHT = require('hyperdht')
const HyperDhtStats = require('hyperdht-stats')
const exchange = require('../../helpers/exchange')
const serve = require('../../helpers/role')

let dht = null
let stats = null

serve({
  async listen({ bootstrap, bytes }) {
    await start(bootstrap)
    const server = dht.createServer(conn => exchange(conn, bytes, { confirms: true }))
    await server.listen()
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Exchanges `bytes` with the server, and looks while the connection is open. */
  async connect({ bootstrap, publicKey, bytes }) {
    await start(bootstrap)
    const conn = dht.connect(b4a.from(publicKey, 'hex'))
    const exchanged = exchange(conn, bytes, { confirms: true })
    await conn.opened
    const closed = new Promise(resolve => conn.rawStream.once('close', resolve))
    const during = stats.toJson()
    const { error } = await exchanged
    await closed
    return { error, during, after: stats.toJson() }
  },

  show() {
    return { json: stats.toJson(), text: stats.toString() }
  },

  /** What Prometheus reads. Only Node has what prom-client needs. */
  async metrics() {
    const client = require('prom-client')
    stats.registerPrometheusMetrics(client)
    return client.register.metrics()
  },

  async destroy() {
    await dht.destroy()
  }
})

/** A persistent node, which has records to count. */
async function start(bootstrap) {
  dht = new DHT({ bootstrap, host: '127.0.0.1', ephemeral: false, firewalled: false })
  stats = new HyperDhtStats(dht)
  await dht.fullyBootstrapped()
}
