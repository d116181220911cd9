// A process on a host whose ways out change: a server that echoes, and a client.

const b4a = require('b4a')
const { DHT } = require('../implementation')
const serve = require('../role')
const { once, sleep } = require('../fixtures')

const BLOCK = 65_536

let dht = null
let conn = null
let flow = null

const emit = serve({
  /** Without `wait`, the node may be without a way out. */
  async start({ bootstrap, wait = true }) {
    dht = new DHT({ bootstrap })
    dht.on('error', err => emit('failed', err.message))
    if (wait) await dht.fullyBootstrapped()
  },

  async listen() {
    const server = dht.createServer({ firewall }, stream => {
      stream.on('error', noop)
      stream.on('data', data => stream.write(data))
    })
    await server.listen(DHT.keyPair())
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Connects to a hex key, or tells why that was not possible. */
  async connect({ publicKey }) {
    conn = dht.connect(b4a.from(publicKey, 'hex'))
    const error = await new Promise(resolve => {
      conn.once('open', () => resolve(null))
      conn.once('error', resolve)
    })
    if (error !== null) return { code: error.code, reason: error.trace?.reason }
    conn.on('error', noop)
    return { code: null, host: conn.rawStream.remoteHost }
  },

  /** Connects until that is possible. */
  async reach({ publicKey }) {
    while (true) {
      const stream = dht.connect(b4a.from(publicKey, 'hex'))
      stream.on('error', noop)
      if (await stream.opened) return { host: stream.rawStream.remoteHost }
    }
  },

  /** Sends a text over the connection, and resolves with its echo. */
  async say({ text }) {
    const echo = once(conn, 'data')
    conn.write(b4a.from(text))
    return b4a.toString(await echo)
  },

  /** Writes all the time, and tells the state when that many bytes have come back. */
  async pour({ bytes }) {
    if (flow === null) flow = startFlow(conn)
    const end = flow.back + bytes
    while (flow.back < end && flow.code === null) await sleep(20)
    return { wrong: flow.wrong, code: flow.code, isFull: isFull() }
  },

  /** Resolves when the stream sends smaller packets, or has ended. */
  async narrowed() {
    while (isFull() && flow.code === null) await sleep(20)
  },

  /** Writes all the time, until the connection has ended. */
  async wear() {
    const { rawStream } = conn
    let code = null
    conn.on('error', err => (code = err.code))
    const timer = setInterval(() => conn.write(b4a.from('.')), 20)
    await once(conn, 'close')
    clearInterval(timer)
    return { code, timeouts: rawStream.rtoCount }
  },

  /** Resolves when the node knows that strangers reach it. */
  async opened() {
    while (dht.firewalled) await new Promise(resolve => setTimeout(resolve, 20))
  },

  async ping({ host, port }) {
    try {
      await dht.ping({ host, port })
      return null
    } catch (err) {
      return err.code
    }
  },

  state() {
    const { host, online, bootstrapped } = dht
    return { host, online, bootstrapped, nodes: dht.nodes.length, local: dht.localAddress() }
  },

  async destroy() {
    await dht.destroy()
  }
})

function firewall(_publicKey, payload) {
  const hosts = payload.addresses4.map(address => address.host)
  emit('client', [...new Set(hosts)].sort())
  return false
}

/** Whether the largest packets are sent that Ethernet carries. */
function isFull() {
  return conn.rawStream.mtu === 1500
}

/** Each block of what is written has a byte of its own. */
function startFlow(conn) {
  const flow = { back: 0, wrong: 0, code: null }
  conn.on('error', err => (flow.code = err.code))
  conn.on('data', data => {
    for (const byte of data) {
      if (byte !== ((flow.back++ / BLOCK) & 255)) flow.wrong++
    }
  })
  let blocks = 0
  const fill = () => {
    while (conn.write(b4a.alloc(BLOCK, blocks++ & 255)));
  }
  conn.on('drain', fill)
  fill()
  return flow
}

function noop() {}
