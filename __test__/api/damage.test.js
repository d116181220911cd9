// Damaged input from a peer ends the request or the stream of that peer, and nothing else. The peer
// is always the reference, because tests can reach into its handshake and its raw stream.

const test = require('brittle')
const b4a = require('b4a')
const Reference = require('hyperdht-reference')
const NoiseWrap = require('hyperdht-reference/lib/noise-wrap')
const UDX = require('udx-native')
const { DHT, isNative } = require('../helpers/implementation')
const { crypto } = require('../helpers/runtime')
const { node, testnet, closed, once, rejected, sleep } = require('../helpers/fixtures')

test('a damaged frame ends its own stream', async t => {
  const { dht, server, peer } = await setUp(t)
  const [conn, remote] = await connect(server, peer)
  const [healthy, healthyRemote] = await connect(server, peer)
  const ending = closed(conn)

  // The length of a frame of 20 bytes, followed by bytes that do not authenticate.
  remote.rawStream.write(b4a.concat([b4a.from([20, 0, 0]), b4a.alloc(20, 1)]))
  const err = await ending
  t.is(err?.message, 'pull failed')

  healthyRemote.write('still fine')
  t.is(b4a.toString(await once(healthy, 'data')), 'still fine')
  t.is(dht.destroyed, false)
})

test('a frame too short to be one', async t => {
  const { server, peer } = await setUp(t)
  const [conn, remote] = await connect(server, peer)
  const ending = closed(conn)
  remote.rawStream.write(b4a.from([3, 0, 0, 1, 2, 3]))
  t.is((await ending)?.message, 'Invalid message received')
})

test('a damaged Noise message is ignored', async t => {
  const { dht, server, peer } = await setUp(t)
  server.on('connection', () => t.fail('no connection'))
  const before = dropped(dht)

  const conn = peer.connect(server.publicKey, { createHandshake: damagedHandshake })
  conn.on('error', noop)
  if (isNative) while (dropped(dht) === before) await sleep(10)
  else await sleep(500)
  conn.destroy()

  server.removeAllListeners('connection')
  await connect(server, peer)
  t.pass('the next connection comes')
})

test('a request longer than a datagram of the DHT is not answered', async t => {
  const { dht, peer } = await setUp(t)
  const address = { host: '127.0.0.1', port: dht.address().port }
  t.ok(await peer.ping(address, { size: 1900, retry: false }))
  const err = await rejected(peer.ping(address, { size: 3000, retry: false }))
  t.is(err?.code, 'REQUEST_TIMEOUT')
  t.ok(await peer.ping(address, { size: 1900, retry: false }))
})

test('damaged datagrams', async t => {
  const { dht, server, peer } = await setUp(t)
  const { port } = dht.address()
  const before = dropped(dht)
  const socket = new UDX().createSocket()
  socket.bind(0, '127.0.0.1')
  t.teardown(() => socket.close())

  const sent = datagrams()
  for (const datagram of sent) await socket.send(datagram, port, '127.0.0.1')
  while (isNative && dropped(dht) - before < sent.length / 2) await sleep(10)

  await connect(server, peer)
  t.pass('the node goes on')
})

async function setUp(t) {
  const net = await testnet(t)
  const dht = await node(t, net)
  const server = dht.createServer()
  await server.listen(DHT.keyPair())
  const peer = new Reference({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => peer.destroy())
  await peer.fullyBootstrapped()
  return { dht, server, peer }
}

async function connect(server, peer) {
  const connection = once(server, 'connection')
  const remote = peer.connect(server.publicKey)
  remote.on('error', noop)
  const conn = await connection
  conn.on('error', noop)
  await Promise.all([conn.opened, remote.opened])
  return [conn, remote]
}

function damagedHandshake(keyPair, remotePublicKey) {
  const handshake = new NoiseWrap(keyPair, remotePublicKey)
  const send = handshake.send.bind(handshake)
  handshake.send = payload => {
    const noise = send(payload)
    noise[noise.byteLength - 1] ^= 1
    return noise
  }
  return handshake
}

/** Datagrams with each possible first byte and random bytes after it, up to a full packet. */
function datagrams() {
  const list = []
  for (let first = 0; first < 256; first++) {
    const datagram = crypto.randomBytes(1 + ((first * 37) % 1200))
    datagram[0] = first
    list.push(datagram)
  }
  return list
}

function dropped(dht) {
  return sum(dht.stats.dropped || {})
}

function sum(counters) {
  return Object.values(counters).reduce((n, value) => {
    return n + (typeof value === 'number' ? value : sum(value))
  }, 0)
}

function noop() {}
