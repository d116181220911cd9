// 5 x 1000 connections, opened and closed in one process. Prints what is left after each thousand
// as a line of JSON, and at the end what is left without the server.

const { fs, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')
const { once, sleep } = require('../helpers/fixtures')

const ROUNDS = 5
const CONNECTIONS_PER_ROUND = 1000

/** After the first thousand, memory has its working size. */
const AT_ONCE = 200

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
  const conn = clientDht.connect(server.publicKey, { keyPair: DHT.keyPair() })
  const closed = once(conn, 'close')
  conn.on('data', noop)
  conn.end('x')
  await closed
}

// A client whose first message was answered late may have two connections here. One of them has no
// peer, and times out.
function onconnection(conn) {
  conn.on('error', noop)
  conn.on('data', noop)
  conn.on('end', () => conn.end())
}

/**
 * What is left when every connection has been forgotten: objects of the core, descriptors, bytes of
 * objects in JavaScript, and bytes of the process outside V8's heap.
 */
async function measure(nodes) {
  const live = await settled(nodes)
  let heap = Infinity
  let native = Infinity
  for (let i = 0; i < 10; i++) {
    globalThis.gc?.()
    await sleep(50)
    const { rss, heapTotal, heapUsed } = process.memoryUsage()
    heap = Math.min(heap, heapUsed)
    native = Math.min(native, rss - heapTotal)
  }
  return { live, descriptors: descriptors(), heap, native }
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
const HANDSHAKE_CLEAR_MS = 2000

/** Of two idle nodes: ticks, token rotation, the announcer, the ages of the stores. */
const MAX_IDLE_TIMERS = 8

function noop() {}
