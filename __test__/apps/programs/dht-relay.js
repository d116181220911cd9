// A node of @hyperswarm/dht-relay: it has no sockets of its own, a relay is its way to the DHT. Its
// connections are exchanges of random data.

const b4a = require('b4a')
const RelayedDHT = require('@hyperswarm/dht-relay')
const Stream = require('@hyperswarm/dht-relay/ws')
const { WebSocket } = require('ws')
const exchange = require('../../helpers/exchange')
const serve = require('../../helpers/role')

let dht = null

const emit = serve({
  /** With `custodial` the relay gets the secret key, else this node does all handshakes itself. */
  async start({ port, custodial }) {
    dht = new RelayedDHT(new Stream(true, new WebSocket(`ws://127.0.0.1:${port}`)), { custodial })
    await dht.ready()
  },

  async listen({ bytes }) {
    const server = dht.createServer(async conn => emit('report', await exchange(conn, bytes)))
    await server.listen()
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  connect({ publicKey, bytes }) {
    return exchange(dht.connect(b4a.from(publicKey, 'hex')), bytes)
  },

  /** Announces a topic; resolves with the keys that others find for it here. */
  async announce({ topic }) {
    const target = b4a.from(topic, 'hex')
    await finished(dht.announce(target, dht.defaultKeyPair))
    const found = new Set()
    await finished(
      dht.lookup(target).on('data', ({ peers }) => {
        for (const { publicKey } of peers) found.add(b4a.toString(publicKey, 'hex'))
      })
    )
    return { publicKey: b4a.toString(dht.defaultKeyPair.publicKey, 'hex'), found: [...found] }
  },

  async destroy() {
    await dht.destroy()
  }
})

function finished(query) {
  query.resume()
  return new Promise((resolve, reject) => query.on('close', resolve).on('error', reject))
}
