// The blind relay that the npm module lacks: `dht.createRelay`.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { APART } = require('../helpers/relayed')
const { closed, node, once, sleep, testnet, thrown } = require('../helpers/fixtures')

test('before listen, and after close', async t => {
  const dht = await node(t, await testnet(t))
  const relay = dht.createRelay()
  t.is(relay.publicKey, null)
  t.absent(relay.listening)
  t.is(relay.stats.pairings.active, 0)
  const keyPair = DHT.keyPair()
  t.is(await relay.listen(keyPair), relay)
  t.alike(relay.publicKey, keyPair.publicKey)
  t.ok(relay.listening)
  await relay.close()
  t.ok(relay.closed)
  t.is(relay.stats.sessions.active, 0)
})

test('two pairs through one relay, and what it counts', async t => {
  const { relay, server, clientDht } = await scene(t)
  const clients = [await echo(t, clientDht, server, relay), await echo(t, clientDht, server, relay)]
  const { sessions, pairings, packets, bytes } = relay.stats
  t.alike(sessions, { accepted: 2, active: 2 }, 'the pairs share the connections to the relay')
  t.alike(pairings, { requested: 4, matched: 2, cancelled: 0, pending: 0, active: 2 })
  t.ok(packets > 4 && bytes > 200)

  for (const client of clients) client.destroy()
  await until(() => relay.stats.sessions.active === 0)
  t.is(relay.stats.pairings.active, 0)
})

test('the path of a relayed connection names the relay', async t => {
  const { relay, server, clientDht } = await scene(t)
  const accepted = once(server, 'connection')
  const client = await echo(t, clientDht, server, relay)
  for (const { path, rawStream } of [client, await accepted]) {
    t.is(path.kind, 'relayed')
    t.alike(path.relay, relay.publicKey)
    t.alike(path.remoteAddress, { host: rawStream.remoteHost, port: rawStream.remotePort })
    t.is(path.punch, null)
  }
  client.destroy()
})

test('a relay without room', async t => {
  const { relay, server, clientDht } = await scene(t, { maxPairings: 1 })
  const first = await echo(t, clientDht, server, relay)
  const second = connect(t, clientDht, server, relay)
  await until(() => relay.stats.refused === 2)
  t.is(relay.stats.pairings.active, 1)
  second.destroy()
  first.destroy()
})

test('a relay that closes ends its pairs', async t => {
  const { relay, server, clientDht } = await scene(t)
  const client = await echo(t, clientDht, server, relay)
  client.setTimeout(500)
  client.setKeepAlive(0)
  await relay.close()
  client.write('lost')
  t.ok(await closed(client), 'the client hears nothing any more')
})

test('a connection to a relay that talks nonsense', async t => {
  const { relay, server, clientDht } = await scene(t)
  const client = await echo(t, clientDht, server, relay)
  for (const nonsense of [b4a.alloc(100_000), b4a.from([0, 1]), b4a.from([0, 0, 1, 255])]) {
    const conn = clientDht.connect(relay.publicKey)
    conn.write(nonsense)
    t.is((await closed(conn))?.code, 'ECONNRESET')
  }
  t.is(relay.dht.stats.dropped.relay, 3)
  client.write('still there')
  t.alike(await once(client, 'data'), b4a.from('still there'))
})

test('limits of a wrong type, or below zero', async t => {
  const dht = await node(t, await testnet(t))
  for (const name of ['maxSessions', 'maxPairings', 'maxPairingsPerClient', 'maxBytesPerSecond']) {
    t.ok(thrown(() => dht.createRelay({ [name]: -1 })) instanceof RangeError, name)
    t.ok(thrown(() => dht.createRelay({ [name]: 'many' })) instanceof TypeError, name)
  }
})

test('relayThrough of a wrong type', async t => {
  const dht = await node(t, await testnet(t))
  const { publicKey } = DHT.keyPair()
  for (const relayThrough of ['a string', [publicKey, null], {}]) {
    t.ok(thrown(() => dht.connect(publicKey, { relayThrough })) instanceof TypeError)
    t.ok(thrown(() => dht.createServer({ relayThrough })) instanceof TypeError)
  }
  t.ok(thrown(() => dht.createServer({ relayThrough: b4a.alloc(31) })) instanceof RangeError)
})

test('a relayThrough that throws names no relay', async t => {
  const { server, clientDht, relay } = await scene(t)
  server.relayThrough = () => {
    throw new Error('of the application')
  }
  await echo(t, clientDht, server, relay)
  t.is(relay.stats.pairings.matched, 1, 'the relay of the client is used')
})

/** A relay, a server that cannot be reached directly, and a node for clients. */
async function scene(t, limits) {
  const net = await testnet(t)
  const relay = (await node(t, net)).createRelay(limits)
  await relay.listen(DHT.keyPair())
  const serverDht = await node(t, net, { quickFirewall: false })
  const clientDht = await node(t, net, { quickFirewall: false })
  const server = serverDht.createServer(APART.server, conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(data))
  })
  await server.listen(DHT.keyPair())
  return { relay, server, clientDht }
}

/** Connects, and gets an echo through the relay. */
async function echo(t, dht, server, relay) {
  const client = connect(t, dht, server, relay)
  client.write('through the relay')
  t.alike(await once(client, 'data'), b4a.from('through the relay'))
  return client
}

function connect(t, dht, server, relay) {
  const relayThrough = relay.publicKey
  const client = dht.connect(server.publicKey, { ...APART.client, relayThrough })
  client.on('error', noop)
  t.teardown(() => client.destroy())
  return client
}

async function until(condition) {
  while (!condition()) await sleep(20)
}

function noop() {}
