// The errors of a node: classes, texts and codes, and when they come.

const test = require('brittle')
const b4a = require('b4a')
const freePort = require('../helpers/free-port')
const { DHT, deep } = require('../helpers/implementation')
const { node, sleep, testnet, thrown } = require('../helpers/fixtures')

const HOST = '127.0.0.1'
const TARGET = b4a.alloc(32, 3)

const TEXTS = {
  BAD_HANDSHAKE_REPLY: 'Bad handshake reply',
  BAD_HOLEPUNCH_REPLY: 'Bad holepunch reply',
  HOLEPUNCH_ABORTED: 'Holepunch aborted',
  HOLEPUNCH_INVALID: 'Invalid holepunch payload',
  HOLEPUNCH_PROBE_TIMEOUT: 'Holepunching probe did not finish in time',
  HOLEPUNCH_DOUBLE_RANDOMIZED_NATS: 'Both remote and local NATs are randomized',
  CANNOT_HOLEPUNCH: 'Cannot holepunch to remote',
  REMOTE_NOT_HOLEPUNCHING: 'Remote is not holepunching',
  REMOTE_NOT_HOLEPUNCHABLE: 'Remote is not holepunchable',
  REMOTE_ABORTED: 'Remote aborted',
  HANDSHAKE_UNFINISHED: 'Handshake did not finish',
  HANDSHAKE_INVALID: 'Received invalid handshake',
  ALREADY_LISTENING: 'Already listening',
  KEYPAIR_ALREADY_USED: 'Keypair already used',
  NODE_DESTROYED: 'Node destroyed',
  PEER_CONNECTION_FAILED: 'Could not connect to peer',
  PEER_NOT_FOUND: 'Peer not found',
  STREAM_NOT_CONNECTED: 'Stream is not connected',
  SERVER_INCOMPATIBLE: 'Server is using an incompatible version',
  SERVER_ERROR: 'Server returned an error',
  DUPLICATE_CONNECTION: 'Duplicate connection',
  RELAY_ABORTED: 'Relay aborted',
  SUSPENDED: 'Suspended'
}

test('lib/errors', t => {
  const errors = deep('lib/errors')
  for (const [code, text] of Object.entries(TEXTS)) {
    const err = errors[code]()
    t.ok(err instanceof Error && err instanceof errors, code)
    t.is(err.name, 'DHTError')
    t.is(err.code, code)
    t.is(err.message, `${code}: ${text}`)
    t.is(errors[code]('Another text').message, `${code}: Another text`)
  }
})

test('REQUEST_TIMEOUT', { timeout: 60_000 }, async t => {
  const dht = await isolated(t)
  const to = { host: HOST, port: await freePort() }
  const outcomes = await Promise.allSettled([
    dht.ping(to, { retry: false }),
    dht.ping(to),
    dht.request({ command: 3, target: TARGET }, to, { retry: false })
  ])
  for (const { reason: err } of outcomes) {
    t.is(err.name, 'DHTError')
    t.is(err.code, 'REQUEST_TIMEOUT')
    t.is(err.message, 'REQUEST_TIMEOUT: Request timed out')
  }
})

test('an error code of a reply is no error of the request', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const unknown = await dht.request({ command: 99, target: TARGET }, net.bootstrap[0])
  t.is(unknown.error, 1, 'UNKNOWN_COMMAND')
  t.is(unknown.value, null)

  const token = b4a.alloc(32)
  const invalid = await dht.request({ command: 4, target: TARGET, token }, net.bootstrap[0])
  t.is(invalid.error, 2, 'INVALID_TOKEN')
})

test('after destroy: Node destroyed, without a code', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  await dht.destroy()
  const [to] = net.bootstrap
  const keyPair = DHT.keyPair()

  const calls = {
    query: () => dht.query({ target: TARGET, command: 3 }),
    findNode: () => dht.findNode(TARGET),
    findPeer: () => dht.findPeer(TARGET),
    lookup: () => dht.lookup(TARGET),
    announce: () => dht.announce(TARGET, keyPair, []),
    lookupAndUnannounce: () => dht.lookupAndUnannounce(TARGET, keyPair),
    unannounce: () => dht.unannounce(TARGET, keyPair)
  }
  for (const [name, call] of Object.entries(calls)) plain(t, thrown(call), 'Node destroyed', name)

  const promises = {
    ping: dht.ping(to),
    request: dht.request({ command: 3, target: TARGET }, to),
    immutablePut: dht.immutablePut(b4a.from('x')),
    immutableGet: dht.immutableGet(TARGET),
    mutablePut: dht.mutablePut(keyPair, b4a.from('x')),
    mutableGet: dht.mutableGet(keyPair.publicKey)
  }
  const outcomes = await Promise.allSettled(Object.values(promises))
  for (const [i, name] of Object.keys(promises).entries()) {
    plain(t, outcomes[i].reason, 'Node destroyed', name)
  }

  const conn = dht.connect(keyPair.publicKey)
  const err = await new Promise(resolve => conn.on('error', resolve))
  plain(t, err, 'Node destroyed', 'connect')
})

test('a query of a node that is destroyed', async t => {
  const dht = await isolated(t)
  const nodes = []
  while (nodes.length < 6) nodes.push({ host: HOST, port: await freePort() })
  const query = dht.lookup(TARGET, { nodes, concurrency: 2 })
  const finished = query.finished().catch(err => err)
  while (dht.io.inflight.length === 0) await sleep(1)

  await dht.destroy()
  plain(t, await finished, 'Node was destroyed')
})

test('fullyBootstrapped of a node that is destroyed', async t => {
  const dht = new DHT({ bootstrap: [{ host: HOST, port: await freePort() }], host: HOST })
  const bootstrapped = dht.fullyBootstrapped().catch(err => err)
  await dht.destroy()
  plain(t, await bootstrapped, 'Node was destroyed')
})

test('puts that nobody stores: Too few nodes responded', async t => {
  const dht = await isolated(t)
  const keyPair = DHT.keyPair()
  const outcomes = await Promise.allSettled([
    dht.announce(TARGET, keyPair, []).finished(),
    dht.immutablePut(b4a.from('x')),
    dht.mutablePut(keyPair, b4a.from('x'))
  ])
  for (const { reason } of outcomes) plain(t, reason, 'Too few nodes responded')
})

test('gets that nobody answers find null', async t => {
  const dht = await isolated(t)
  t.is(await dht.immutableGet(TARGET), null)
  t.is(await dht.mutableGet(DHT.keyPair().publicKey), null)
})

function plain(t, err, message, name = message) {
  t.is(err?.message, message, name)
  t.is(err?.code, undefined)
  t.is(err?.name, 'Error')
}

async function isolated(t) {
  const dht = new DHT({ bootstrap: [], host: HOST })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}
