// Busy connections leave the event loop to the program's timers and its other input.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

const CONNECTIONS = 20
const TURNS = 100
const BLOCK = b4a.alloc(1024)

/** Messages in a turn: several times what a fast machine handles in a few milliseconds. */
const MOST = 12_000

test('turns of the event loop go on while connections are busy', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const count = { written: 0, read: 0 }
  const server = dht.createServer(conn => readAll(conn, count))
  await server.listen()
  const conns = await connectAll(client, server.publicKey)

  for (const conn of conns) writeAll(conn, count)
  await turn()
  let written = 0
  let read = 0
  for (let busyTurns = 0; busyTurns < TURNS; ) {
    const before = { ...count }
    await turn()
    if (count.written > before.written) busyTurns++
    written = Math.max(written, count.written - before.written)
    read = Math.max(read, count.read - before.read)
  }
  t.ok(written <= MOST, `written in a turn: ${written}`)
  t.ok(read <= MOST, `read in a turn: ${read}`)
})

async function connectAll(client, key) {
  const conns = Array.from({ length: CONNECTIONS }, () =>
    client.connect(key, { keyPair: DHT.keyPair() })
  )
  for (const conn of conns) conn.on('error', noop)
  await Promise.all(conns.map(conn => conn.opened))
  return conns
}

function readAll(conn, count) {
  conn.on('error', noop)
  conn.on('data', () => {
    count.read++
  })
}

function writeAll(conn, count) {
  const fill = () => {
    do {
      count.written++
    } while (conn.write(BLOCK))
  }
  conn.on('drain', fill)
  fill()
}

function turn() {
  return new Promise(resolve => setImmediate(resolve))
}

function noop() {}
