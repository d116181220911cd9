// One process of a benchmark: DHT nodes, or one end of its connections.

const b4a = require('b4a')

const native = process.env.HYPERDHT_IMPL === 'native'
const DHT = native ? require('..') : require('hyperdht-reference')

const createTestnet = native ? require('../testnet') : require('hyperdht-reference/testnet')

const relayed = require('./relay-roles')({ DHT, native })

const ROLES = {
  nodes,
  sender,
  receiver,
  echo,
  pinger,
  dialer,
  sink,
  source,
  relay: relayed.relay,
  ...require('./dht-roles')({ DHT, createTestnet })
}

// a process of a benchmark that fails exits too
process.once('disconnect', () => process.exit())
process.once('message', ({ role, ...options }) => ROLES[role](options))

async function nodes() {
  const { bootstrap } = await createTestnet(4)
  process.send({ bootstrap })
}

/** With `apart` clients reach it only through a blind relay. */
async function receiver({ bootstrap, bytes, apart = false }) {
  const dht = await node(bootstrap, apart)
  const server = dht.createServer(apart ? relayed.APART.server : {}, conn => {
    let received = 0
    let start = 0n
    let cpu = null

    conn.on('error', noop)
    conn.on('data', data => {
      if (received === 0) {
        start = process.hrtime.bigint()
        cpu = process.cpuUsage()
      }
      received += data.byteLength
      if (received < bytes) return
      const seconds = Number(process.hrtime.bigint() - start) / 1e9
      process.send({ seconds, cpu: cpuSeconds(cpu) })
      conn.end(b4a.from('done'))
    })
  })
  await server.listen()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/**
 * Writes with back-pressure; its CPU time runs from the open connection to the receiver's answer.
 */
async function sender({ bootstrap, bytes, chunk, key, relay = null }) {
  const dht = await node(bootstrap, relay !== null)
  const start = process.hrtime.bigint()
  const conn = dht.connect(b4a.from(key, 'hex'), relay ? relayed.through(relay) : {})
  const block = b4a.alloc(chunk, 0x5a)
  let left = bytes
  conn.on('error', noop)
  await conn.opened

  const opening = microseconds(start) / 1e3
  const cpu = process.cpuUsage()
  conn.once('data', () => process.send({ opening, cpu: cpuSeconds(cpu) }))
  conn.on('drain', write)
  write()

  function write() {
    while (left > 0) {
      const size = Math.min(left, chunk)
      left -= size
      if (!conn.write(block.subarray(0, size))) return
    }
  }
}

/** Sends back each message. */
async function echo({ bootstrap }) {
  await serve(bootstrap, conn => {
    conn.on('data', data => conn.write(data))
    conn.on('end', () => conn.end())
  })
}

/** Reads all messages. */
async function sink({ bootstrap }) {
  await serve(bootstrap, conn => conn.resume())
}

/** Writes to each connection as fast as 'drain' allows. */
async function source({ bootstrap, size }) {
  const block = b4a.alloc(size, 0x5a)
  await serve(bootstrap, conn => {
    conn.resume()
    const fill = () => {
      while (conn.write(block));
    }
    conn.on('drain', fill)
    fill()
  })
}

/** Sends a message, waits for the echo, and sends the next one. */
async function pinger({ bootstrap, key, rounds, warmup, size }) {
  const dht = await node(bootstrap)
  const conn = dht.connect(b4a.from(key, 'hex'))
  const message = b4a.alloc(size, 0x5a)
  const times = []
  let left = rounds + warmup
  let start = 0n
  let cpu = null
  conn.on('error', noop)
  await conn.opened

  conn.on('data', () => {
    if (left < rounds) times.push(microseconds(start))
    else if (left === rounds) cpu = process.cpuUsage()
    if (left-- > 0) ping()
    else process.send({ times, cpu: (cpuSeconds(cpu) * 1e6) / rounds })
  })
  ping()

  function ping() {
    start = process.hrtime.bigint()
    conn.write(message)
  }
}

/** Connects, closes the connection, and connects again. */
async function dialer({ bootstrap, key, rounds, warmup }) {
  const dht = await node(bootstrap)
  const times = []
  let cpu = null

  for (let i = -warmup; i < rounds; i++) {
    if (i === 0) cpu = process.cpuUsage()
    const start = process.hrtime.bigint()
    const conn = dht.connect(b4a.from(key, 'hex'))
    const closed = new Promise(resolve => conn.on('close', resolve))
    conn.on('error', noop)
    conn.resume()
    await conn.opened
    if (i >= 0) times.push(microseconds(start))
    conn.end()
    await closed
  }
  process.send({ times, cpu: (cpuSeconds(cpu) * 1e6) / rounds })
}

async function serve(bootstrap, onconnection) {
  const dht = await node(bootstrap)
  const server = dht.createServer(conn => {
    conn.on('error', noop)
    onconnection(conn)
  })
  await server.listen()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/** A node that knows that it is not firewalled needs no relay. */
async function node(bootstrap, firewalled = false) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1', quickFirewall: !firewalled })
  await dht.fullyBootstrapped()
  return dht
}

function cpuSeconds(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

function microseconds(since) {
  return Number(process.hrtime.bigint() - since) / 1e3
}

function noop() {}
