// The server of a laboratory. It sends back what it gets.

require('./start')(async (DHT, { bootstrap }) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  const server = dht.createServer(conn => {
    conn.on('error', () => {})
    conn.on('data', data => conn.write(data))
  })
  await server.listen()
  return { key: server.publicKey.toString('hex') }
})
