// A server whose first connection carries messages in both directions. Others get back what they
// send.

const transfer = require('./transfer')

require('./start')(async (DHT, { bootstrap }, laboratory) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  const server = dht.createServer()
  const first = new Promise(resolve => server.once('connection', resolve))
  server.on('connection', conn => {
    conn.on('error', () => {})
    if (live) conn.on('data', data => conn.write(data))
    live = true
  })
  await server.listen()
  laboratory.tell({ key: server.publicKey.toString('hex') })
  return transfer(await first)
})

let live = false
