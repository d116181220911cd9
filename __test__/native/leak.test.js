// 5 x 1000 connections, opened and closed in one process, leave nothing behind.

const test = require('brittle')
const { fs, isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')
const { once, sleep } = require('../helpers/fixtures')

const ROUNDS = 5
const CONNECTIONS_PER_ROUND = 1000
const AT_ONCE = 25
const MAX_GROWTH_BYTES = 2 * 1024 * 1024

test('5 x 1000 connections leak nothing', { timeout: 300_000 }, async t => {
  const testnet = await createTestnet(4, t.teardown)
  const serverDht = testnet.createNode()
  const clientDht = testnet.createNode()
  await Promise.all([serverDht.fullyBootstrapped(), clientDht.fullyBootstrapped()])
  const server = serverDht.createServer({ handshakeClearWait: HANDSHAKE_CLEAR_MS })
  await server.listen()

  const nodes = [serverDht, clientDht]
  const before = await settled(nodes)
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < CONNECTIONS_PER_ROUND; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => openAndClose(server, clientDht)))
    }
    rounds.push(await measure(nodes))
    t.comment(JSON.stringify(rounds.at(-1)))
  }

  const [, second] = rounds
  const last = rounds.at(-1)
  t.alike(last.live, before, 'live objects')
  t.is(last.descriptors, second.descriptors, 'descriptors')
  const grown = last.rss - second.rss
  t.ok(grown <= MAX_GROWTH_BYTES, `resident memory grew by ${Math.round(grown / 1024)} KiB`)

  await server.close()
  const { timers, ...rest } = await settled(nodes)
  for (const [name, value] of Object.entries(rest)) t.is(value, 0, 'live objects: ' + name)
})

async function openAndClose(server, clientDht) {
  const keyPair = DHT.keyPair()
  const conn = clientDht.connect(server.publicKey, { keyPair })
  const accepted = connectionFrom(server, keyPair.publicKey)
  conn.on('data', noop)
  conn.write('x')
  const other = await accepted
  other.on('data', noop)
  other.on('end', () => other.end())
  const closing = [once(conn, 'close'), once(other, 'close')]
  conn.end()
  await Promise.all(closing)
}

function connectionFrom(server, publicKey) {
  return new Promise(resolve => {
    server.on('connection', function onconnection(conn) {
      if (!conn.remotePublicKey.equals(publicKey)) return
      server.removeListener('connection', onconnection)
      resolve(conn)
    })
  })
}

/** What is left when every connection has been forgotten. */
async function measure(nodes) {
  const live = await settled(nodes)
  let rss = Infinity
  for (let i = 0; i < 10; i++) {
    collectGarbage()
    await sleep(50)
    rss = Math.min(rss, process.memoryUsage().rss)
  }
  return { live, descriptors: descriptors(), rss }
}

/**
 * Live objects of the core, summed over the nodes, when streams that answer a late peer and
 * handshakes that answer a repeated message have been forgotten.
 */
async function settled(nodes) {
  for (;;) {
    const live = sum(nodes.map(node => node._live()))
    if (live.streams + live.handshakes + live.requests === 0) return live
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

function collectGarbage() {
  if (isBare) return
  require('v8').setFlagsFromString('--expose-gc')
  require('vm').runInNewContext('gc')()
}

/** How long a finished handshake holds its slot. */
const HANDSHAKE_CLEAR_MS = 500

function noop() {}
