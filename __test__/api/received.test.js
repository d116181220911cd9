// A program may do anything with the memory of a received message: it belongs to that message only.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, once, testnet } = require('../helpers/fixtures')

/** The sizes of the messages. Each size is sent several times. */
const SIZES = [4096, 5000, 9000, 70_000, 300_000]
const ROUNDS = 8

const GIVING_AWAY = {
  'a transfer': data => structuredClone(data, { transfer: [data.buffer] }),
  ...(globalThis.ReadableStream && { 'a stream of bytes': toByteStream })
}

for (const [how, giveAway] of Object.entries(GIVING_AWAY)) {
  test(`the memory of a received message is given away: ${how}`, async t => {
    const [taking, other] = await connections(t)
    giveAway(await exchange(taking, b4a.alloc(SIZES[1], 1)))
    for (const size of sizes()) {
      const data = await exchange(other, b4a.alloc(size, 2))
      if (data.byteLength !== size || data.some(byte => byte !== 2)) t.fail('wrong bytes')
    }
    t.pass('all have arrived')
  })
}

function* sizes() {
  for (let round = 0; round < ROUNDS; round++) yield* SIZES
}

/** Sends a message to a connection; resolves with what it receives. */
function exchange(conn, message) {
  const data = once(conn, 'data')
  conn.peer.write(message)
  return data
}

/** Two connections to one node, with the other end of each as `peer`. */
async function connections(t) {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer()
  await server.listen()

  const found = []
  for (let i = 0; i < 2; i++) {
    const connection = once(server, 'connection')
    const peer = client.connect(server.publicKey, { keyPair: DHT.keyPair() })
    peer.on('error', noop)
    const conn = await connection
    conn.on('error', noop)
    conn.peer = peer
    found.push(conn)
  }
  return found
}

function toByteStream(data) {
  return new ReadableStream({ type: 'bytes', start: controller => controller.enqueue(data) })
}

function noop() {}
