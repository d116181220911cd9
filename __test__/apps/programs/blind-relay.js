// npm's blind-relay: its server, as the relay of others, and its client, over raw streams.

const b4a = require('b4a')
const BlindRelay = require('blind-relay')
const DHT = require('hyperdht')
const exchange = require('../../helpers/exchange')
const serve = require('../../helpers/role')

let dht = null
let pairer = null

serve({
  /** Serves; resolves with the hex key of the relay. */
  async listen({ bootstrap }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1' })
    pairer = new BlindRelay.Server({
      createStream: options => dht.createRawStream({ ...options, framed: true })
    })
    const server = dht.createServer({ shareLocalAddress: false }, conn => {
      conn.on('error', noop)
      pairer.accept(conn, { id: conn.remotePublicKey }).on('error', noop)
    })
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  stats() {
    return pairer.stats
  },

  /** Pairs with the other holder of the token, and exchanges `bytes` with it. */
  async pair({ bootstrap, relay, token, isInitiator, bytes }) {
    dht = new DHT({ bootstrap, host: '127.0.0.1' })
    const conn = dht.connect(b4a.from(relay, 'hex'))
    const client = BlindRelay.Client.from(conn, { id: conn.publicKey })
    const rawStream = dht.createRawStream()
    const remoteId = await paired(client, isInitiator, b4a.from(token, 'hex'), rawStream)

    const { socket, remotePort, remoteHost } = conn.rawStream
    rawStream.connect(socket, remoteId, remotePort, remoteHost)
    const report = await exchange(rawStream, bytes, { confirms: true })
    conn.destroy()
    return report
  },

  async destroy() {
    await dht.destroy()
  }
})

function paired(client, isInitiator, token, rawStream) {
  return new Promise((resolve, reject) => {
    client.pair(isInitiator, token, rawStream).on('data', resolve).on('error', reject)
  })
}

function noop() {}
