// err.trace: why connect() failed, and what it did until then. Which reasons and NATs it names in
// which network is tested in Rust (netsim › nats, waits) and in the NAT laboratory.

const test = require('brittle')
const b4a = require('b4a')
const SecretStream = require('@hyperswarm/secret-stream')
const { DHT } = require('../helpers/implementation')
const { closed, node, testnet } = require('../helpers/fixtures')

const KEYS = [
  'reason',
  'direct',
  'steps',
  'node',
  'server',
  'relay',
  'localNat',
  'remoteNat',
  'nodes',
  'handshakes',
  'rounds',
  'probes'
]

test('nobody announces the server', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const { code, trace } = await failure(dht.connect(DHT.keyPair().publicKey))
  t.is(code, 'PEER_NOT_FOUND')
  t.alike(Object.keys(trace), KEYS)
  t.alike([trace.reason, trace.node, trace.handshakes], ['notAnnounced', null, 0])
  t.ok(trace.nodes > 0)
  t.alike(names(trace), ['search', 'failed'])
  t.ok(trace.steps.every(({ ms }, i) => i === 0 || ms >= trace.steps[i - 1].ms))
})

test('no node answers', async t => {
  const dht = new DHT({ bootstrap: [SILENT] })
  t.teardown(() => dht.destroy())
  const { code, trace } = await failure(dht.connect(DHT.keyPair().publicKey))
  t.alike([code, trace.reason, trace.nodes], ['PEER_NOT_FOUND', 'noAnswer', 0])
})

test('the server refuses the client', async t => {
  const net = await testnet(t)
  const server = (await node(t, net)).createServer({ firewall: () => true })
  await server.listen()
  const dht = await node(t, net)
  const { code, trace } = await failure(dht.connect(server.publicKey))
  t.alike([code, trace.reason], ['PEER_CONNECTION_FAILED', 'notReached'])
  t.alike(names(trace).slice(0, 3), ['search', 'found', 'handshake'])
  t.ok(trace.handshakes > 0)
})

test('the hook of the client refuses the punch', async t => {
  const { dht, server } = await punching(t)
  const options = { ...PUNCHED, holepunch: () => false }
  const { code, trace } = await failure(dht.connect(server.publicKey, options))
  t.alike([code, trace.reason], ['HOLEPUNCH_ABORTED', 'vetoed'])
  t.alike(names(trace), ['search', 'found', 'handshake', 'answered', 'round', 'analyzed', 'failed'])
  t.alike([trace.localNat, trace.remoteNat], ['consistent', 'consistent'])
  t.is(trace.server.host, '127.0.0.1')
  t.ok(trace.node.port > 0)
  t.alike([trace.rounds, trace.relay], [1, null])
})

test('the hook of the server refuses the punch', async t => {
  const { dht, server } = await punching(t, { holepunch: () => false })
  const { code, trace } = await failure(dht.connect(server.publicKey, PUNCHED))
  t.alike([code, trace.reason], ['HOLEPUNCH_ABORTED', 'serverAborted'])
})

test('a blind relay that cannot be reached', async t => {
  const { dht, server } = await punching(t, { holepunch: () => false })
  const relayThrough = DHT.keyPair().publicKey
  const options = { ...PUNCHED, relayThrough }
  const { code, trace } = await failure(dht.connect(server.publicKey, options))
  t.ok(code === 'RELAY_ABORTED' || code === 'HOLEPUNCH_ABORTED', code)
  t.ok(b4a.equals(trace.relay, relayThrough))
  t.ok(names(trace).includes('relay'))
  const last = code === 'RELAY_ABORTED' ? ['relayFailed', 'serverAborted'] : ['serverAborted', null]
  t.alike([trace.reason, trace.direct], last)
})

test('a node that is suspended, or destroyed', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  await dht.suspend()
  t.is((await failure(dht.connect(DHT.keyPair().publicKey))).trace.reason, 'suspended')
  await dht.resume()
  const connecting = failure(dht.connect(DHT.keyPair().publicKey))
  dht.suspend()
  const { code, trace } = await connecting
  t.alike([code, trace.reason], ['SUSPENDED', 'suspended'])
  const destroyed = await node(t, net)
  await destroyed.destroy()
  const late = (await failure(destroyed.connect(DHT.keyPair().publicKey))).trace
  t.alike([Object.keys(late), late.reason], [KEYS, 'nodeDestroyed'])
})

test('a secret stream of the program gets the same error', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const createSecretStream = (...args) => new SecretStream(...args)
  const stream = dht.connect(DHT.keyPair().publicKey, { createSecretStream })
  t.is((await failure(stream)).trace.reason, 'notAnnounced')
})

// Two nodes that consider each other behind NATs, so that they punch.
async function punching(t, serverOptions = {}) {
  const net = await testnet(t)
  const options = { quickFirewall: false }
  const [dht, other] = [await node(t, net, options), await node(t, net, options)]
  const server = other.createServer({ shareLocalAddress: false, ...serverOptions })
  await server.listen()
  return { dht, server }
}

function names({ steps }) {
  return steps.map(({ step }) => step)
}

/** The error that ends a stream. */
function failure(stream) {
  return closed(stream)
}

/** Nobody answers at this port (discard, RFC 863), and no system gives it to a program. */
const SILENT = { host: '127.0.0.1', port: 9 }

/** The early probe would open the connection before a hook is asked. */
const PUNCHED = { localConnection: false, fastOpen: false }
