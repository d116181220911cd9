// 5 x 1000 connections, opened and closed in one process. Prints what is left after each thousand
// as a line of JSON, and at the end what is left without the server.

const b4a = require('b4a')
const { fs, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')
const { once, sleep } = require('../helpers/fixtures')

const ROUNDS = 5
const CONNECTIONS_PER_ROUND = 1000

/** So many that memory has its working size after the first thousand. */
const AT_ONCE = 200

/** Who waits for a connection, by the client's key. */
const awaited = new Map()

main()

async function main() {
  const testnet = await createTestnet(4)
  const nodes = [testnet.createNode(), testnet.createNode()]
  const [serverDht, clientDht] = nodes
  await Promise.all(nodes.map(node => node.fullyBootstrapped()))
  const server = serverDht.createServer({ handshakeClearWait: HANDSHAKE_CLEAR_MS }, onconnection)
  await server.listen()

  print(await measure(nodes))
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < CONNECTIONS_PER_ROUND; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => openAndClose(server, clientDht)))
    }
    print(await measure(nodes))
  }

  await server.close()
  print(await measure(nodes))
  await testnet.destroy()
}

async function openAndClose(server, clientDht) {
  const keyPair = DHT.keyPair()
  const conn = clientDht.connect(server.publicKey, { keyPair })
  const accepted = connectionFrom(keyPair.publicKey)
  conn.on('data', noop)
  conn.write('x')
  const other = await accepted
  other.on('data', noop)
  other.on('end', () => other.end())
  const closing = [once(conn, 'close'), once(other, 'close')]
  conn.end()
  await Promise.all(closing)
}

/** Resolves with the server's side of the connection that this key makes. */
function connectionFrom(publicKey) {
  return new Promise(resolve => awaited.set(b4a.toString(publicKey, 'hex'), resolve))
}

function onconnection(conn) {
  const key = b4a.toString(conn.remotePublicKey, 'hex')
  awaited.get(key)(conn)
  awaited.delete(key)
}

/** What is left when every connection has been forgotten. */
async function measure(nodes) {
  const live = await settled(nodes)
  let rss = Infinity
  for (let i = 0; i < 10; i++) {
    globalThis.gc?.()
    await sleep(50)
    rss = Math.min(rss, process.memoryUsage().rss)
  }
  return { live, descriptors: descriptors(), rss }
}

/**
 * Live objects of the core, summed over the nodes, when streams that answer a late peer and
 * handshakes that answer a repeated message have been forgotten, and no ping is under way.
 */
async function settled(nodes) {
  for (;;) {
    const live = sum(nodes.map(node => node._live()))
    const idle = live.streams + live.handshakes + live.requests === 0
    if (idle && live.timers <= MAX_IDLE_TIMERS) return live
    await sleep(50)
  }
}

function sum(counters) {
  const total = {}
  for (const each of counters) {
    for (const [name, value] of Object.entries(each)) total[name] = (total[name] || 0) + value
  }
  return total
}

function descriptors() {
  try {
    return fs.readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

function print(measured) {
  console.log(JSON.stringify(measured))
}

/** How long a finished handshake is remembered. */
const HANDSHAKE_CLEAR_MS = 500

/** Of two idle nodes: ticks, token rotation, the announcer, the ages of the stores. */
const MAX_IDLE_TIMERS = 8

function noop() {}
