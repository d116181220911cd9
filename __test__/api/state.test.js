// What a node shows of itself: addresses, the routing table, health, sockets, counters.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, once, testnet } = require('../helpers/fixtures')

test('a node before and after bootstrap', async t => {
  const net = await testnet(t)
  const dht = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())

  t.is(dht.bootstrapped, false)
  t.is(dht.destroyed, false)
  t.is(dht.suspended, false)
  t.is(dht.ephemeral, true)
  t.is(dht.adaptive, true)
  t.is(dht.firewalled, true)
  t.is(dht.online, true)
  t.is(dht.degraded, false)
  t.is(dht.randomized, false)
  t.is(dht.id, null)
  t.is(dht.host, null)
  t.is(dht.port, 0)
  t.is(dht.maxPingDelay, 10000)
  t.is(dht.concurrency, 10)
  t.is(dht.connectionKeepAlive, 5000)
  t.is(dht.remoteAddress(), null)
  t.is(dht._persistent, null)
  t.is(dht.listening.size, 0)
  t.alike(dht.config, {
    concurrency: 10,
    maxWindow: 80,
    randomPunchInterval: 20000,
    connectionKeepAlive: 5000,
    sendDownHints: true,
    downHintsRateLimit: 50
  })

  await dht.bind()
  t.is(dht.address().family, 4)
  await dht.ready()
  await dht.fullyBootstrapped()
  t.is(dht.bootstrapped, true)
  t.is(dht.host, '127.0.0.1')
})

test('bootstrapNodes are the parsed bootstrap option', async t => {
  const bootstrap = ['127.0.0.1:12345', '127.0.0.1@localhost:12346', { host: '127.0.0.1', port: 1 }]
  const dht = new DHT({ bootstrap: [...bootstrap, 12347] })
  t.teardown(() => dht.destroy({ force: true }))
  t.alike(
    dht.bootstrapNodes.map(({ host, port }) => ({ host, port })),
    [
      { host: '127.0.0.1', port: 12345 },
      { host: '127.0.0.1@localhost', port: 12346 },
      { host: '127.0.0.1', port: 1 },
      { host: '127.0.0.1', port: 12347 }
    ]
  )
})

test('socket is the client socket while firewalled, then the server socket', async t => {
  const net = await testnet(t)
  const open = await node(t, net, { firewalled: false })
  t.is(open.firewalled, false)
  t.is(open.socket, open.io.serverSocket)
  t.is(open.address().port, open.io.serverSocket.address().port)
  t.alike(open.remoteAddress(), { host: '127.0.0.1', port: open.address().port })

  const closed = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1', quickFirewall: false })
  t.teardown(() => closed.destroy())
  await closed.fullyBootstrapped()
  t.is(closed.firewalled, true)
  t.is(closed.socket, closed.io.clientSocket)
  t.is(closed.remoteAddress(), null)
  t.not(closed.io.clientSocket.address().port, closed.io.serverSocket.address().port)
})

test('localAddress is an address of this host and the port of the server socket', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const { host, port } = dht.localAddress()
  t.ok(/^\d+\.\d+\.\d+\.\d+$/.test(host))
  t.is(port, dht.io.serverSocket.address().port)
})

test('toArray: the latest heard first, and a limit', async t => {
  const net = await testnet(t, 5)
  const dht = await node(t, net)
  const all = dht.toArray()
  t.is(all.length, dht.nodes.length)
  t.ok(all.length >= 4)
  t.alike(Object.keys(all[0]), ['host', 'port'])
  t.is(dht.toArray({ limit: 2 }).length, 2)
  t.alike(dht.toArray({ limit: 2 }), all.slice(0, 2))
  t.alike(dht.toArray({ limit: 0 }), [])
})

test('the option nodes, and addNode, fill the table', async t => {
  const nodes = [
    { host: '127.0.0.1', port: 40001 },
    { host: '127.0.0.1', port: 40002 }
  ]
  const dht = new DHT({ bootstrap: [], nodes, host: '127.0.0.1' })
  t.teardown(() => dht.destroy({ force: true }))
  t.alike(dht.toArray(), nodes, 'the first of them counts as the latest heard')
  dht.addNode({ host: '127.0.0.1', port: 40003 })
  t.is(dht.nodes.length, 3)
  t.is(dht.toArray()[0].port, 40003)
})

test('nodes: a set in the order of hearing', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const nodes = dht.nodes.toArray()
  t.is(nodes.length, dht.nodes.length)
  t.ok(b4a.equals(dht.nodes.oldest.id, nodes[0].id))
  t.ok(b4a.equals(dht.nodes.latest.id, nodes[nodes.length - 1].id))
  t.ok(dht.nodes.has(nodes[0]))
  t.alike(
    dht.nodes.toArray({ reverse: true }).map(n => n.port),
    nodes.map(n => n.port).reverse()
  )
  t.is(dht.nodes.toArray({ limit: 1 }).length, 1)
  for (const { id, host, port, added, pinged, seen, downHints } of nodes) {
    t.is(id.byteLength, 32)
    t.is(host, '127.0.0.1')
    t.ok(port > 0)
    t.ok([added, pinged, seen, downHints].every(Number.isInteger))
  }
})

test('table: the routing table around the own id', async t => {
  const net = await testnet(t, 5)
  const dht = net.nodes[1]
  t.is(dht.table.k, 20)
  t.ok(b4a.equals(dht.table.id, dht.id))
  t.is(dht.table.size, dht.nodes.length)

  const other = dht.nodes.latest
  t.ok(dht.table.has(other.id))
  t.is(dht.table.get(other.id).port, other.port)
  t.absent(dht.table.has(b4a.alloc(32)))
  t.is(dht.table.get(b4a.alloc(32)), null)
  t.ok(dht.table.has(dht.table.random().id))
  t.is(dht.table.closest(other.id, 20).length, dht.nodes.length)
  t.is(dht.table.closest(other.id, 1).length, 1)
})

test('an empty table has nobody', async t => {
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  t.is(dht.nodes.length, 0)
  t.is(dht.nodes.latest, null)
  t.is(dht.nodes.oldest, null)
  t.is(dht.table.random(), null)
  t.alike(dht.table.closest(b4a.alloc(32), 20), [])
  t.alike(dht.toArray(), [])
})

test('add-node tells of each node that comes into the table', async t => {
  const net = await testnet(t, 4)
  const dht = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  const added = []
  dht.on('add-node', node => added.push(node))
  await dht.fullyBootstrapped()

  t.is(added.length, dht.nodes.length)
  t.ok(added.every(({ id, host, port }) => id.byteLength === 32 && host && port > 0))
  t.ok(added.every(({ id }) => dht.table.has(id)))
})

test('remove-node tells of a node that does not answer', { timeout: 40_000 }, async t => {
  const net = await testnet(t, 4)
  const nodes = [{ host: '127.0.0.1', port: 9 }]
  const dht = new DHT({ bootstrap: net.bootstrap, nodes, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  t.is((await once(dht, 'remove-node')).port, 9)
  t.absent(dht.toArray().some(({ port }) => port === 9))
})

test('health of a young node', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  t.alike(dht.health.stats, {
    online: true,
    degraded: false,
    cold: true,
    idle: true,
    responses: 0,
    timeouts: 0,
    timeoutsRate: 0
  })
  t.is(dht.health.online, true)
  t.is(dht.health.degraded, false)
  t.is(dht.health.cold, true)
  t.is(dht.health.idle, true)
  t.is(dht.health.timeoutsRate, 0)
})

test('io: sockets that count, and requests in flight', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { port: [42_100, 42_110], firewalled: false })
  t.alike(dht.io.portRange, [42_100, 42_110])
  t.is(dht.io.congestion._maxWindow, 80)

  const traffic = () => [dht.io.clientSocket, dht.io.serverSocket]
  const sum = name => traffic().reduce((n, socket) => n + socket[name], 0)
  t.ok(sum('bytesReceived') > 0)
  t.ok(['bytesTransmitted', 'packetsTransmitted'].every(name => Number.isInteger(sum(name))))

  const before = sum('packetsReceived')
  await dht.ping(net.nodes[0].address())
  t.ok(sum('packetsReceived') > before)

  t.is(dht.io.inflight.length, 0)
  const unanswered = dht.ping({ host: '127.0.0.1', port: 9 }, { retry: false })
  t.is(dht.io.inflight.length, 1)
  t.is(dht.io.inflight[0].to.port, 9)
  await t.exception(unanswered, /REQUEST_TIMEOUT/)
  t.is(dht.io.inflight.length, 0)
})

test('stats are plain numbers that count', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { firewalled: false })
  const { requests, queries, commands } = dht.stats
  t.is(requests.active, 0)
  t.is(queries.active, 0)
  const { total, responses } = requests
  const pings = commands.ping.tx
  t.ok(total > 0 && responses > 0)
  await dht.ping(net.nodes[0].address())
  t.is(dht.stats.requests.total, total + 1)
  t.is(dht.stats.requests.responses, responses + 1)
  t.is(dht.stats.commands.ping.tx, pings + 1)
  t.is(dht.stats.requests.timeouts, 0)
  t.is(dht.stats.requests.retries, 0)

  await dht.findNode(b4a.alloc(32)).finished()
  t.ok(dht.stats.commands.findNode.tx > 0)
  t.is(dht.stats.commands.findNode.tx, dht.stats.commands.findNode.rx)
  t.ok(dht.stats.queries.total > 0)
})

test('stats that a program holds and writes to go on counting', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { firewalled: false })
  const { requests, commands } = dht.stats
  const { total } = requests
  commands.ping.tx = 1000
  for (let i = 1; i <= 3; i++) {
    await dht.ping(net.nodes[0].address())
    t.is(requests.total, total + i)
    t.is(commands.ping.tx, 1000 + i)
    if (i === 2) t.is(dht.stats.requests, requests)
  }
  requests.total = 0
  await dht.ping(net.nodes[0].address())
  t.is(dht.stats.requests.total, 1)
})

test('records of others are kept once persistent', async t => {
  const net = await testnet(t, 4)
  const topic = DHT.hash(b4a.from('a topic'))
  const dht = await node(t, net)
  await dht.announce(topic, dht.defaultKeyPair, []).finished()
  const sizes = net.nodes.filter(n => n.id !== null).map(n => n._persistent.records.size)
  t.ok(sizes.length > 0)
  t.ok(sizes.every(size => size === 1))
})

test('refresh asks for somebody in the background', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const { total } = dht.stats.queries
  dht.refresh()
  await dht.ping(net.nodes[0].address())
  t.ok(dht.stats.queries.total > total)
})
