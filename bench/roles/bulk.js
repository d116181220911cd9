// The two ends of bulk transfers.

const b4a = require('b4a')

const { DHT, node, openAll } = require('./implementation')
const { message, microseconds, start } = require('./meter')
const { APART, through } = require('./relay')

module.exports = { bulkServer, bulkClient, sink, source }

/** With `apart` clients reach it only through a blind relay. */
async function bulkServer({ bootstrap, connections, apart = false, ...load }) {
  const dht = await node(bootstrap, { firewalled: apart })
  const conns = []
  const server = dht.createServer(apart ? APART.server : {})
  const all = new Promise(resolve => {
    server.on('connection', conn => {
      conn.on('error', noop)
      conns.push(conn)
      if (conns.length === connections) resolve()
    })
  })
  await server.listen()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
  await all
  await transfer(conns, load, {})
}

/** With a `relay` it connects through that. */
async function bulkClient({ bootstrap, connections, key, relay = null, ...load }) {
  const dht = await node(bootstrap, { firewalled: relay !== null })
  const since = process.hrtime.bigint()
  const options = relay === null ? {} : through(relay)
  const conns = await openAll(dht, b4a.from(key, 'hex'), connections, options)
  await transfer(conns, load, { opening: microseconds(since) / 1e3 })
}

/**
 * Transfers the `warmup`, and tells that all connections are open. When it is asked, it writes so
 * many messages to each, and tells when as many have come; asked again, it tells its cost.
 *
 * @param {object[]} conns
 * @param {{ writes: number, reads: number, size: number, warmup?: object }} load the messages of
 *   each connection, and those before them that do not count
 * @param {object} opened what it tells then
 */
async function transfer(conns, { size, warmup = { writes: 0, reads: 0 }, ...load }, opened) {
  await move(conns, size, warmup)
  process.send(opened)
  await message()
  const stop = start()
  process.send({ seconds: await move(conns, size, load) })
  await message()
  process.send(stop())
}

function move(conns, size, { writes, reads }) {
  const received = read(conns, reads * size * conns.length)
  for (const conn of conns) write(conn, writes, b4a.alloc(size, 0x5a))
  return received
}

/** Resolves with the seconds from the first byte to the last one. What comes later waits. */
function read(conns, bytes) {
  if (bytes === 0) return 0
  let received = 0
  let first = 0n
  return new Promise(resolve => {
    const ondata = data => {
      if (received === 0) first = process.hrtime.bigint()
      received += data.byteLength
      if (received < bytes) return
      for (const conn of conns) conn.off('data', ondata).pause()
      resolve(microseconds(first) / 1e6)
    }
    for (const conn of conns) conn.on('data', ondata)
  })
}

/** Writes with back-pressure. */
function write(conn, messages, block) {
  let left = messages
  conn.on('drain', fill)
  fill()

  function fill() {
    while (left > 0) {
      left--
      if (!conn.write(block)) return
    }
    conn.off('drain', fill)
  }
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
    write(conn, Number.POSITIVE_INFINITY, block)
  })
}

async function serve(bootstrap, onconnection) {
  const dht = await node(bootstrap)
  const server = dht.createServer(conn => {
    conn.on('error', noop)
    onconnection(conn)
  })
  await server.listen(DHT.keyPair())
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

function noop() {}
