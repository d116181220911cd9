// One end of a large transfer in one direction, whose content is checked by its hash.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const { once } = require('../fixtures')
const { crypto } = require('../runtime')
const serve = require('../role')

let dht = null

const emit = serve({
  async listen(options) {
    dht = await node(options)
    const server = dht.createServer({ shareLocalAddress: false }, read)
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Connects and writes so many bytes; resolves with the hash and the packets when it is closed. */
  async send({ publicKey, bytes, ...options }) {
    dht = await node(options)
    return write(dht.connect(b4a.from(publicKey, 'hex'), { localConnection: false }), bytes)
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

function read(conn) {
  const report = { received: 0, error: null }
  const hash = crypto.createHash('sha256')
  conn.on('data', data => {
    report.received += data.byteLength
    hash.update(data)
  })
  conn.on('error', err => {
    report.error = err.code || err.message
  })
  conn.on('end', () => conn.end())
  conn.on('close', () => emit('report', { ...report, hash: hash.digest('hex') }))
}

async function write(conn, bytes) {
  const report = { error: null, packets: 0, retransmits: 0 }
  const hash = crypto.createHash('sha256')
  const closed = once(conn, 'close')
  conn.on('error', err => {
    report.error = err.code || err.message
  })
  // the peer ends when it has received everything
  conn.on('end', () => {
    report.packets = conn.rawStream.packetsTransmitted
    report.retransmits = conn.rawStream.retransmits
  })
  conn.resume()

  const random = crypto.randomBytes(POOL)
  for (let sent = 0; sent < bytes && !conn.destroying; sent += CHUNK) {
    const chunk = b4a.from(random.subarray(sent % (POOL - CHUNK)).subarray(0, CHUNK))
    chunk.writeDoubleLE(sent) // no two are alike
    hash.update(chunk)
    if (!conn.write(chunk)) await Promise.race([once(conn, 'drain'), closed])
  }
  conn.end()
  await closed
  return { ...report, hash: hash.digest('hex') }
}

const CHUNK = 64 * 1024

/** Random bytes that the messages are taken from. */
const POOL = 8 * 1024 * 1024 + 1000
