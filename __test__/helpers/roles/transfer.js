// One end of a transfer in one direction, or the node that both ends start from.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const { process } = require('../runtime')
const serve = require('../role')

let dht = null

const emit = serve({
  async bootstrap({ port, host, bind }) {
    dht = DHT.bootstrapper(port, host, { host: bind })
    await dht.fullyBootstrapped()
  },

  /** Listens; the connection is read up to `pauseAt` bytes, then not for `pause` ms, then to its end. */
  async listen({ pauseAt, pause, ...options }) {
    dht = await node(options)
    const server = dht.createServer({ shareLocalAddress: false }, conn => {
      read(conn, pauseAt, pause)
    })
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Connects, writes `bytes` as the stream takes them, and ends; resolves when it is closed. */
  async send({ publicKey, bytes, ...options }) {
    dht = await node(options)
    const conn = dht.connect(b4a.from(publicKey, 'hex'), { localConnection: false })
    return write(conn, bytes)
  },

  async destroy() {
    await dht.destroy()
  }
})

async function node({ bootstrap, host }) {
  const node = new DHT({ bootstrap, host, firewalled: false })
  await node.fullyBootstrapped()
  return node
}

function read(conn, pauseAt, pause) {
  const report = { received: 0, intact: true, ended: false, error: null }
  let grown = 0

  conn.on('data', data => {
    const before = report.received
    report.received += data.byteLength
    report.intact = report.intact && data[0] === byteAt(before)
    if (before >= pauseAt || report.received < pauseAt) return
    conn.pause()
    emit('paused')
    const rss = process.memoryUsage().rss
    setTimeout(() => {
      grown = process.memoryUsage().rss - rss
      conn.resume()
    }, pause)
  })
  conn.on('error', err => {
    report.error = err.code || err.message
  })
  conn.on('end', () => {
    report.ended = true
    conn.end()
  })
  conn.on('close', () => emit('report', { ...report, grown }))
}

async function write(conn, bytes) {
  let error = null
  let sent = 0
  const closed = new Promise(resolve => conn.on('close', resolve))
  conn.on('error', err => {
    error = err.code || err.message
  })
  more()
  await closed
  return { sent, error }

  function more() {
    while (sent < bytes && !conn.destroying) {
      const chunk = b4a.alloc(CHUNK, byteAt(sent))
      sent += chunk.byteLength
      if (!conn.write(chunk)) return conn.once('drain', more)
    }
    conn.end()
  }
}

/** Each message is filled with a byte of its own. */
function byteAt(position) {
  return (position / CHUNK) % 251
}

const CHUNK = 64 * 1024
