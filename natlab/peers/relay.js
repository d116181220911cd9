// The blind relay of a laboratory: our own, or the npm module on a node of the reference.

require('./start')(async (DHT, { bootstrap }) => {
  const dht = new DHT({ bootstrap, port: PORT, ephemeral: false, firewalled: false })
  await dht.fullyBootstrapped()
  const keyPair = DHT.keyPair()
  const relay = dht.createRelay ? dht.createRelay() : createRelay(dht)
  await relay.listen(keyPair)
  return { key: keyPair.publicKey.toString('hex') }
})

function createRelay(dht) {
  const BlindRelay = require('blind-relay')
  const relay = new BlindRelay.Server({
    createStream: options => dht.createRawStream({ ...options, framed: true })
  })
  return dht.createServer({ shareLocalAddress: false }, conn => {
    conn.on('error', () => {})
    relay.accept(conn, { id: conn.remotePublicKey }).on('error', () => {})
  })
}

const PORT = 49737
