// Connections through a blind relay. The relay is the npm module blind-relay, on a node of the
// reference in a process of its own, because both need raw streams.

const test = require('brittle')
const b4a = require('b4a')
const SecretStream = require('@hyperswarm/secret-stream')
const Child = require('../helpers/child')
const { DHT, deep } = require('../helpers/implementation')
const { APART } = require('../helpers/relayed')
const { node, testnet, once, closed, sleep } = require('../helpers/fixtures')

const NoiseWrap = deep('lib/noise-wrap')

test('relayThrough of a client: a key', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht)
  const { client } = await echo(t, clientDht, server, { relayThrough: relay })

  t.is((await child.call('stats')).pairings.matched, 1)
  t.is((await child.call('stats')).pairings.active, 1)
  t.alike(serverDht.stats.relaying, { attempts: 1, successes: 1, aborts: 0 })
  t.alike(clientDht.stats.relaying, { attempts: 0, successes: 0, aborts: 0 }, 'servers count')

  client.destroy()
  await until(async () => (await child.call('stats')).sessions.active === 0)
  t.pass('the connections to the relay end')
})

test('relayThrough of a client: a list, and a function', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht)
  await echo(t, clientDht, server, { relayThrough: [relay, relay] })
  await echo(t, clientDht, server, { relayThrough: () => relay, relayKeepAlive: 1000 })
  t.is((await child.call('stats')).pairings.matched, 2)
})

test('relayThrough of a server: a key', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht, { relayThrough: relay, relayKeepAlive: 1000 })
  t.is(server.relayKeepAlive, 1000)
  t.alike(server.relayThrough, relay)
  await echo(t, clientDht, server)
  t.is((await child.call('stats')).pairings.matched, 1)
})

test('relayThrough of a server: a function, which is called for each client', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  let calls = 0
  const relayThrough = () => {
    calls++
    return [relay]
  }
  const server = await listen(t, serverDht, { relayThrough })
  await echo(t, clientDht, server)
  await echo(t, clientDht, server)
  t.is(calls, 2)
  t.is((await child.call('stats')).pairings.matched, 2)
})

test('relayThrough of a server that is set later', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht)
  t.is(server.relayThrough, null)
  server.relayThrough = relay
  await echo(t, clientDht, server)
  t.is((await child.call('stats')).pairings.matched, 1)
})

test('relayThrough, with a handshake and a secret stream of the program', async t => {
  const { relay, child, serverDht, clientDht } = await scene(t)
  const createHandshake = (...args) => new NoiseWrap(...args)
  const createSecretStream = (...args) => new SecretStream(...args)
  for (const hooks of [{ createHandshake }, { createSecretStream }]) {
    const server = await listen(t, serverDht, { ...hooks, relayThrough: () => relay })
    const { client, accepted } = await echo(t, clientDht, server, hooks)
    const ended = closed(accepted)
    client.destroy()
    t.is((await ended)?.code, 'ECONNRESET')
  }
  t.is((await child.call('stats')).pairings.matched, 2)
})

test('a relayed connection that is destroyed ends at the peer', async t => {
  const { relay, serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht)
  const { client, accepted } = await echo(t, clientDht, server, { relayThrough: relay })
  const ended = closed(accepted)
  client.destroy()
  t.is((await ended)?.code, 'ECONNRESET')
})

test('a client whose relay is not there, and that finds no other way', async t => {
  const { serverDht, clientDht } = await scene(t)
  const server = await listen(t, serverDht)
  const relayThrough = DHT.keyPair().publicKey
  const client = clientDht.connect(server.publicKey, { ...APART.client, relayThrough })
  const err = await closed(client)
  t.ok(err, 'fails')
  t.is(clientDht.stats.relaying.attempts, 0)
})

test('the error of a relay that gives up', t => {
  const { RELAY_ABORTED } = deep('lib/errors')
  t.is(RELAY_ABORTED().code, 'RELAY_ABORTED')
  t.is(RELAY_ABORTED().message, 'RELAY_ABORTED: Relay aborted')
})

/** A relay, and a node for each end. */
async function scene(t) {
  const net = await testnet(t)
  const child = await Child.spawn({ role: 'relay', implementation: 'reference', runtime: 'node' })
  t.teardown(() => child.close())
  const { publicKey } = await child.call('listen', { bootstrap: net.bootstrap })
  // a node that knows that it is not firewalled needs no relay
  const serverDht = await node(t, net, { quickFirewall: false })
  const clientDht = await node(t, net, { quickFirewall: false })
  return { relay: b4a.from(publicKey, 'hex'), child, serverDht, clientDht }
}

/** A server that echoes, and that cannot be reached directly. */
async function listen(t, dht, options = {}) {
  const server = dht.createServer({ ...APART.server, ...options }, conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(data))
  })
  await server.listen(DHT.keyPair())
  t.teardown(() => server.close())
  return server
}

/** Connects, and gets an echo through the relay. */
async function echo(t, dht, server, options = {}) {
  const connection = once(server, 'connection')
  const client = dht.connect(server.publicKey, { ...APART.client, ...options })
  client.on('error', noop)
  t.teardown(() => client.destroy())
  client.write(b4a.from('through the relay'))
  t.alike(await once(client, 'data'), b4a.from('through the relay'))
  return { client, accepted: await connection }
}

async function until(condition) {
  while (!(await condition())) await sleep(100)
}

function noop() {}
