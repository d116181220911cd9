// The two ends of single messages: one that waits for its echo, and unordered ones.

const b4a = require('b4a')

const { node, openAll } = require('./implementation')
const { answerCpu, message, microseconds, start } = require('./meter')

module.exports = { echo, pinger, collector, shooter }

/** Sends back each message. */
async function echo({ bootstrap }) {
  const server = (await node(bootstrap)).createServer(conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(data))
  })
  await server.listen()
  answerCpu()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/** Sends a message, waits for the echo, and sends the next one. */
async function pinger({ bootstrap, key, rounds, warmup, size }) {
  const dht = await node(bootstrap)
  const [conn] = await openAll(dht, b4a.from(key, 'hex'), 1)
  const block = b4a.alloc(size, 0x5a)
  const times = []
  let since = 0n
  let answered = noop
  conn.on('data', () => answered())

  for (let i = 0; i < warmup; i++) await ping()
  times.length = 0
  process.send({ ready: true })
  await message()
  const stop = start()
  for (let i = 0; i < rounds; i++) await ping()
  process.send({ times, ...stop() })

  function ping() {
    return new Promise(resolve => {
      answered = () => {
        times.push(microseconds(since))
        resolve()
      }
      since = process.hrtime.bigint()
      conn.write(block)
    })
  }
}

/** Counts unordered messages, and tells the sender of every few how many have come. */
async function collector({ bootstrap }) {
  let [received, first, last] = [0, 0n, 0n]
  let stop = null
  const server = (await node(bootstrap)).createServer(conn => {
    conn.on('error', noop)
    conn.on('message', () => {
      if (received++ === 0) {
        first = process.hrtime.bigint()
        stop = start()
      }
      if (received % CREDIT > 0) return
      last = process.hrtime.bigint()
      conn.send(count(received))
    })
  })
  await server.listen()
  process.once('message', () => {
    process.send({ received, seconds: Number(last - first) / 1e9, ...stop() })
  })
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/**
 * Sends unordered messages for some seconds, with so few under way that the socket's buffer holds
 * them. Those that do not come are written off after a while.
 */
async function shooter({ bootstrap, key, seconds, size }) {
  const dht = await node(bootstrap)
  const [conn] = await openAll(dht, b4a.from(key, 'hex'), 1)
  const block = b4a.alloc(size, 0x5a)
  let [sent, received, lost] = [0, 0, 0]
  let [heard, over] = [false, false]
  conn.on('message', data => {
    received = b4a.readUInt32LE(data, 0)
    heard = true
    fill()
  })
  process.send({ ready: true })
  await message()

  const stop = start()
  const patience = setInterval(() => {
    if (!heard) lost = sent - received
    heard = false
    fill()
  }, PATIENCE)
  setTimeout(() => {
    over = true
    clearInterval(patience)
    process.send({ lost, ...stop() })
  }, seconds * 1e3)
  fill()

  function fill() {
    while (!over && sent - received - lost < WINDOW) {
      sent++
      conn.send(block)
    }
  }
}

function count(received) {
  const data = b4a.alloc(4)
  b4a.writeUInt32LE(data, received, 0)
  return data
}

/** Messages for which there is one back. */
const CREDIT = 32

/** Messages under way: as many as Linux keeps for a socket of default size. */
const WINDOW = 192

/** Milliseconds. */
const PATIENCE = 50

function noop() {}
