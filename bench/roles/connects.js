// The two ends of connections that are opened: and closed at once, or kept idle.

const b4a = require('b4a')

const { node, openAll } = require('./implementation')
const meter = require('./meter')
const opened = require('./opened')

const { answerCpu, cpuSeconds, message, microseconds } = meter

module.exports = { accepter, dialer, keeper, holder }

/** Ends connections when the client does. */
async function accepter({ bootstrap }) {
  const server = (await node(bootstrap)).createServer(conn => {
    conn.on('error', noop)
    conn.on('end', () => conn.end())
    conn.resume()
  })
  await server.listen()
  answerCpu()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/** Connects, closes the connection, and connects again; so many at once. */
async function dialer({ bootstrap, key, rounds, warmup, parallel }) {
  const dht = await node(bootstrap)
  const publicKey = b4a.from(key, 'hex')
  const times = []
  await run(warmup)
  times.length = 0
  process.send({ ready: true })
  await message()

  const [since, cpu] = [process.hrtime.bigint(), process.cpuUsage()]
  await run(rounds)
  process.send({ times, seconds: microseconds(since) / 1e6, cpu: cpuSeconds(cpu) })

  function run(count) {
    let left = count
    const dial = async () => {
      while (left-- > 0) await once()
    }
    return Promise.all(Array.from({ length: parallel }, dial))
  }

  async function once() {
    const start = process.hrtime.bigint()
    const conn = dht.connect(publicKey)
    const closed = new Promise(resolve => conn.on('close', resolve))
    conn.on('error', noop)
    conn.resume()
    await opened(conn)
    times.push(microseconds(start))
    conn.end()
    await closed
  }
}

/** Keeps the connections that clients open. */
async function keeper({ bootstrap, connections }) {
  const dht = await node(bootstrap)
  const server = dht.createServer(conn => conn.on('error', noop))
  await server.listen()
  answerCost(connections)
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/** Opens connections and keeps them. */
async function holder({ bootstrap, key, connections }) {
  const dht = await node(bootstrap)
  answerCost(connections)
  const conns = await openAll(dht, b4a.from(key, 'hex'), connections)
  process.send({ open: conns.length })
}

/** At each message, sends what a connection costs: KiB, and CPU seconds since the one before. */
function answerCost(connections) {
  const before = meter.settledMemory()
  const young = meter.youngGeneration()
  let since = process.cpuUsage()
  process.on('message', ({ memory }) => {
    const cpu = cpuSeconds(since) / connections
    const grown = memory ? meter.settledMemory() - before : 0
    const kib = bytes => bytes / 1024 / connections
    process.send({ memory: kib(grown - meter.youngGeneration() + young), all: kib(grown), cpu })
    since = process.cpuUsage()
  })
}

function noop() {}
