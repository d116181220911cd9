// One end of streams whose memory is measured: connections, or raw streams of UDX.

const b4a = require('b4a')
const { DHT, UDX } = require('../implementation')
const { APART } = require('../relayed')
const { once, sleep } = require('../fixtures')
const memory = require('../memory-watch')
const serve = require('../role')

let dht = null
let socket = null

/** What this end reads or writes. */
const streams = []

serve({
  /** Makes a node of a network whose first node is another one, or is this one. */
  async start({ bootstrap, port }) {
    const options = { host: '127.0.0.1', firewalled: false }
    if (bootstrap) dht = new DHT({ ...options, bootstrap })
    else dht = DHT.bootstrapper(port, '127.0.0.1', options)
    await dht.fullyBootstrapped()
  },

  async listen({ relay }) {
    const options = relay ? { ...APART.server, relayThrough: b4a.from(relay, 'hex') } : {}
    const server = dht.createServer(options, take)
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  async connect({ publicKey, count, relay }) {
    const options = relay ? { ...APART.client, relayThrough: b4a.from(relay, 'hex') } : {}
    for (let n = 0; n < count; n++) {
      const stream = dht.connect(b4a.from(publicKey, 'hex'), options)
      take(stream)
      await once(stream, 'open')
    }
  },

  /** Raw streams instead: resolves with the port of their socket. */
  bindRaw({ count }) {
    const udx = new UDX()
    socket = udx.createSocket()
    socket.bind(0, '127.0.0.1')
    for (let id = 1; id <= count; id++) take(udx.createStream(id))
    return { port: socket.address().port }
  },

  connectRaw({ port }) {
    for (const stream of streams) stream.connect(socket, stream.id, port, '127.0.0.1')
  },

  /** Nothing is read from here on. */
  pause() {
    for (const stream of streams) stream.pause()
  },

  /** Writes messages of that size to each stream, and waits for 'drain' or does not. */
  async write({ size, bytes, waits }) {
    await Promise.all(streams.map(stream => write(stream, size, bytes, waits)))
  },

  /** Sends unordered messages, thousands in a turn. */
  async send({ count, size }) {
    const data = b4a.alloc(size, 1)
    for (let n = 0; n < count; n++) {
      for (const stream of streams) stream.trySend(data)
      if (n % 10_000 === 0) await sleep(1)
    }
  },

  ...memory,

  async destroy() {
    await dht?.destroy()
  }
})

function take(stream) {
  streams.push(stream)
  stream.on('error', noop)
  stream.on('data', noop)
  stream.on('message', noop)
}

async function write(stream, size, bytes, waits) {
  for (let sent = 0; sent < bytes; sent += size) {
    const goesOn = stream.write(b4a.alloc(size, 1))
    if (waits && !goesOn && !(await drains(stream))) return
  }
  if (!waits) await once(stream, 'drain')
}

function drains(stream) {
  const drained = once(stream, 'drain').then(() => true)
  return Promise.race([drained, sleep(STALLED).then(() => false)])
}

/** A stream that has not drained for so many milliseconds will not: its reader has stopped. */
const STALLED = 3000

function noop() {}
