// A process that is a link between two sockets: a rate, a queue of limited size, a delay, and random
// loss, in both directions. It counts what it sees of the UDX stream from the first to the second. It
// runs in Node.

const dgram = require('node:dgram')
const { once } = require('node:events')
const { performance } = require('node:perf_hooks')
const serve = require('../role')
const { generator } = require('../random')

/** Bytes per millisecond, milliseconds one way, bytes, and the share that is lost. */
let line = null
let random = null

/** What is under way, in the order of arrival, for each direction. */
const flying = [[], []]
/** When the transmitter of each direction is free. */
const free = [0, 0]

const counts = { sent: 0, dropped: 0, arrived: 0, needless: 0, bytes: 0 }
const seen = new Set()

serve({
  /** Opens an end for each of the two ports; resolves with the ports that stand for the other one. */
  async start({ ports, seed, ...path }) {
    line = path
    random = generator(seed)
    const ends = await Promise.all(ports.map(open))
    for (const [from, socket] of ends.entries()) {
      socket.on('message', data => take(from, data))
    }
    setInterval(() => deliver(ends, ports), TICK)
    return { ports: ends.map(socket => socket.address().port) }
  },

  counts() {
    return { ...counts, at: performance.now() }
  }
})

async function open() {
  const size = 4 * 1024 * 1024
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: size, sendBufferSize: size })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

function take(from, data) {
  const packet = from === 0 ? parse(data) : null
  if (packet) counts.sent++
  const size = data.byteLength + HEADERS
  if (size > MTU) return

  const now = performance.now()
  const leaves = Math.max(free[from], now)
  if ((leaves - now) * line.rate + size > line.queue) {
    if (packet) counts.dropped++
    return
  }
  free[from] = leaves + size / line.rate
  if (random() >= line.loss) flying[from].push({ data, packet, at: free[from] + line.delay })
}

function deliver(ends, ports) {
  const now = performance.now()
  for (const [from, queue] of flying.entries()) {
    const count = queue.findIndex(({ at }) => at > now)
    for (const { data, packet } of queue.splice(0, count < 0 ? queue.length : count)) {
      if (packet) record(packet)
      ends[1 - from].send(data, ports[1 - from], '127.0.0.1')
    }
  }
}

/** The number and the payload of a packet with data or an end. */
function parse(data) {
  const isUdx = data.byteLength >= HEADER && data[0] === 0xff && data[1] === 1
  if (!isUdx || (data[2] & SEQUENCED) === 0) return null
  return { seq: data.readUInt32LE(12), bytes: data.byteLength - HEADER - data[3] }
}

function record({ seq, bytes }) {
  counts.arrived++
  if (seen.has(seq)) {
    counts.needless++
    return
  }
  seen.add(seq)
  counts.bytes += bytes
}

const TICK = 1
const MTU = 1500
/** Of IP and UDP, and of UDX. */
const HEADERS = 28
const HEADER = 20
/** DATA and END. */
const SEQUENCED = 3
