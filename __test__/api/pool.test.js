// Connection pools: at most one connection to each peer.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { closed, node, once, testnet } = require('../helpers/fixtures')

test('two connects return the same connection', async t => {
  const { dhts, servers } = await pair(t)
  const pool = dhts[0].pool()
  const { publicKey } = servers[1]
  t.alike([pool.connecting, pool.has(publicKey), pool.get(publicKey)], [0, false, null])

  const connection = dhts[0].connect(publicKey, { pool })
  t.is(dhts[0].connect(publicKey, { pool }), connection)
  t.is(dhts[0].connect(b4a.toString(publicKey, 'hex'), { pool }), connection)
  t.alike([pool.connecting, pool.has(publicKey)], [1, true])
  t.is(pool.get(publicKey), connection)
  t.is([...pool.connections].length, 0)

  const told = once(pool, 'connection')
  t.is(await connection.opened, true)
  t.is(await told, connection)
  t.is(dhts[0].connect(publicKey, { pool }), connection)
  t.alike([pool.connecting, [...pool.connections].length], [0, 1])

  connection.on('error', noop)
  const ended = closed(connection)
  connection.destroy()
  await ended
  t.alike([pool.has(publicKey), [...pool.connections].length], [false, 0])
  const next = dhts[0].connect(publicKey, { pool })
  t.not(next, connection)
  next.on('error', noop).destroy()
})

test('connections of a server, and what a pool tells', async t => {
  const { dhts } = await pair(t)
  const pool = dhts[1].pool()
  const server = dhts[1].createServer({ pool })
  t.is(server.pool, pool)
  await server.listen(DHT.keyPair())

  const told = new Promise(resolve =>
    pool.once('connection', (stream, ref) => resolve([stream, ref]))
  )
  const accepted = once(server, 'connection')
  const client = dhts[0].connect(server.publicKey)
  client.on('error', noop)
  const [stream, ref] = await told
  stream.on('error', noop)
  t.is(stream, await accepted)
  t.is([...pool.connections][0], ref)
  t.is(pool.get(dhts[0].defaultKeyPair.publicKey), stream)
  ref.active()
  ref.inactive()
  const ended = closed(client)
  ref.release()
  await ended
  t.is(pool.has(dhts[0].defaultKeyPair.publicKey), false)
})

test('a second connection of the same side replaces the first: DUPLICATE_CONNECTION', async t => {
  const { dhts } = await pair(t)
  const pool = dhts[1].pool()
  const server = dhts[1].createServer({ pool })
  await server.listen(DHT.keyPair())
  const streams = []
  server.on('connection', stream => streams.push(stream.on('error', noop)))

  const first = dhts[0].connect(server.publicKey)
  first.on('error', noop)
  const pooled = once(pool, 'connection')
  await first.opened
  await pooled
  const ended = closed(streams[0])
  const again = once(pool, 'connection')
  const second = dhts[0].connect(server.publicKey)
  second.on('error', noop)
  const error = await ended
  t.alike(
    [error.code, error.message],
    ['DUPLICATE_CONNECTION', 'DUPLICATE_CONNECTION: Duplicate connection']
  )
  t.is(await again, streams[1])
  t.is(pool.get(dhts[0].defaultKeyPair.publicKey), streams[1])
  second.destroy()
})

for (const higher of [0, 1]) {
  test(`crossing connects leave one connection, the same at both ends: ${higher}`, async t => {
    const { dhts, servers, pools } = await pair(t, { pooled: true, higher })
    const keys = servers.map(server => server.publicKey)
    const made = dhts.map((dht, i) => dht.connect(keys[1 - i], { pool: pools[i] }))
    for (const stream of made) stream.on('error', noop)

    await until(() => {
      const ends = pools.map((pool, i) => pool.get(keys[1 - i]))
      const [a, b] = ends
      if (!a?.connected || !b?.connected || a.destroying || b.destroying) return false
      return b4a.equals(a.handshakeHash, b.handshakeHash)
    })
    const ends = pools.map((pool, i) => pool.get(keys[1 - i]))
    t.is(ends.filter(end => end.isInitiator).length, 1)
    t.alike(
      pools.map(pool => [...pool.connections].length),
      [1, 1]
    )
    // it is a connection that works
    const data = once(ends[1], 'data')
    ends[0].write('still there')
    t.alike(await data, b4a.from('still there'))
  })
}

test('a connection that fails leaves the pool', async t => {
  const { dhts } = await pair(t)
  const pool = dhts[0].pool()
  const { publicKey } = DHT.keyPair()
  const connection = dhts[0].connect(publicKey, { pool })
  t.is(pool.connecting, 1)
  const error = await closed(connection)
  t.is(error.code, 'PEER_NOT_FOUND')
  t.alike([pool.connecting, pool.has(publicKey)], [0, false])
})

/** Two nodes, each with a server that has the node's own key, and a pool if that is wanted. */
async function pair(t, { pooled = false, higher = 0 } = {}) {
  const net = await testnet(t)
  const keyPairs = [DHT.keyPair(), DHT.keyPair()]
  keyPairs.sort((a, b) => b4a.compare(b.publicKey, a.publicKey))
  if (higher === 1) keyPairs.reverse()
  const dhts = await Promise.all(keyPairs.map(keyPair => node(t, net, { keyPair })))
  const pools = dhts.map(dht => dht.pool())
  const servers = dhts.map((dht, i) => dht.createServer(pooled ? { pool: pools[i] } : {}))
  for (const server of servers) server.on('connection', stream => stream.on('error', noop))
  await Promise.all(servers.map(server => server.listen()))
  return { dhts, servers, pools }
}

async function until(condition) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

function noop() {}
