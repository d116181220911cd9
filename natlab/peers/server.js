// The server of a laboratory. It sends back what it gets.

require('./start')(async (DHT, { bootstrap, relay }) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  const server = dht.createServer({ relayThrough: key(relay) }, conn => {
    conn.on('error', () => {})
    conn.on('data', data => conn.write(data))
  })
  await server.listen()
  return { key: server.publicKey.toString('hex') }
})

function key(hex) {
  return hex ? Buffer.from(hex, 'hex') : null
}
