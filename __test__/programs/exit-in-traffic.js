// Leaves by exit() in the middle of traffic, without closing anything.

const b4a = require('b4a')
const { isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')

main()

async function main() {
  const testnet = await createTestnet(3)
  const dht = testnet.createNode()
  await dht.fullyBootstrapped()
  const server = dht.createServer(conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(data))
  })
  await server.listen(DHT.keyPair())

  let bytes = 0
  const client = testnet.createNode()
  await client.fullyBootstrapped()
  const conn = client.connect(server.publicKey)
  conn.on('error', noop)
  conn.on('data', data => {
    conn.write(data)
    bytes += data.byteLength
    if (bytes < LEAVE_AFTER_BYTES) return
    console.log('leaving')
    if (isBare) Bare.exit(7)
    else process.exit(7)
  })
  for (let i = 0; i < 16; i++) conn.write(b4a.alloc(64 * 1024))
}

const LEAVE_AFTER_BYTES = 8 * 1024 * 1024

function noop() {}
