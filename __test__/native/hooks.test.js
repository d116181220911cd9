// A hook is set after the core has let a client in: cases that the reference does not have, or
// cannot show.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const busyFor = require('../helpers/busy')
const { closed, node, once, sleep, testnet } = require('../helpers/fixtures')
const { answerAll } = require('../../lib/server/hooks')

test('a hook that is removed is not asked', async t => {
  const { dht, server, connect } = await listen(t, {
    firewall: () => t.fail('asked'),
    holepunch: refuse
  })
  const connection = once(server, 'connection')
  const conn = connect()
  untilAdmitted(dht)
  server.firewall = null
  server.holepunch = null
  await connection
  t.is(await conn.opened, true)
})

test('a server that closes while its hook decides', async t => {
  const { dht, server, connect } = await listen(t)
  server.on('connection', () => t.fail('a connection'))
  const ended = closed(connect())
  untilAdmitted(dht)
  const { asked, decide } = decision(server)
  await asked
  await server.close()
  decide(false)
  await ended
  t.is(server.closed, true)
})

test('a client that goes while the hook decides', async t => {
  const { dht, server, connect } = await listen(t)
  server.on('connection', () => t.fail('a connection'))
  const conn = connect()
  untilAdmitted(dht)
  const { asked, decide } = decision(server)
  await asked
  t.is(await conn.opened, true)
  conn.destroy()
  while (dht._live().jsConnections > 0) await sleep(10)
  decide(false)
  await sleep(0)
})

test('a node that is destroyed while a hook decides', async t => {
  const { dht, server, connect } = await listen(t)
  server.on('connection', () => t.fail('a connection'))
  const ended = closed(connect())
  untilAdmitted(dht)
  const { asked, decide } = decision(server)
  await asked
  await dht.destroy()
  decide(false)
  await ended
  t.is(dht.destroyed, true)
})

test('a hook that says nothing in time has said no', async t => {
  const { setTimeout } = globalThis
  const waits = []
  globalThis.setTimeout = (fn, ms, ...args) => {
    waits.push(ms)
    return setTimeout(fn, 0, ...args)
  }
  t.teardown(() => {
    globalThis.setTimeout = setTimeout
  })
  const servers = new Map([[0, { onfirewall: () => new Promise(noop) }]])
  const question = { kind: 'firewall', server: 0 }
  t.is(await answerAll({ servers }, [question]), false)
  t.alike(waits, [10_000])
})

/** A server, and clients of it. */
async function listen(t, options) {
  const net = await testnet(t)
  const [dht, client] = await Promise.all([node(t, net), node(t, net)])
  const server = dht.createServer(options)
  server.on('connection', conn => conn.on('error', noop))
  await server.listen(DHT.keyPair())
  const connect = () => client.connect(server.publicKey).on('error', noop)
  return { dht, server, connect }
}

/** Blocks JavaScript until a client has reached the core, which lets it in if there is no hook. */
function untilAdmitted(dht) {
  const clients = ({ handshakes, connections }) => handshakes + connections
  while (clients(dht._live()) === 0) busyFor(1)
}

/** A firewall that is asked, and decides when it is told to. */
function decision(server) {
  let asked = null
  let decide = null
  const called = new Promise(resolve => {
    asked = resolve
  })
  const decided = new Promise(resolve => {
    decide = resolve
  })
  server.firewall = () => {
    asked()
    return decided
  }
  return { asked: called, decide }
}

function refuse() {
  return false
}

function noop() {}
