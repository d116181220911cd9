// Our client connects to a distant server of the reference, behind a NAT that uses a random port
// for each destination. Both have to punch. If our client repeats a round, the reference counts it
// as another punch, and gives up. HYPERDHT_RUNS is the number of runs.

const test = require('brittle')
const { process } = require('../helpers/runtime')
const { World } = require('./world')
const plan = require('./plan')

/** Milliseconds, one way. */
const DELAYS = [80, 125, 200]

const RUNS = Number(process.env.HYPERDHT_RUNS || (process.env.HYPERDHT_LONG ? 12 : 3))

/** The analysis of a NAT skips five nodes and asks four. */
const NODES = 16

const BYTES = 100_000

test('a server of the reference is punched', { timeout: 60_000 * (1 + RUNS) }, async t => {
  const { bootstrap } = await nodes(t)

  for (let run = 0; run < RUNS; run += DELAYS.length) {
    const delays = DELAYS.slice(0, RUNS - run)
    const punched = await Promise.all(delays.map(delay => punch(bootstrap, delay)))
    const report = { error: null, receivedBytes: BYTES, random: 1, tryLater: 0 }
    for (let i = 0; i < delays.length; i++) t.alike(punched[i], report, `${delays[i]} ms away`)
  }
})

async function nodes(t) {
  const world = new World()
  t.teardown(() => world.destroy())
  const child = await world.spawn('node', 'reference', 'node')
  return child.call('start', { count: NODES, bootstrap: [], hidesFirewalls: true })
}

async function punch(bootstrap, delay) {
  const world = new World()
  try {
    const server = await world.spawn('server', 'reference', 'node')
    const client = await world.spawn('client', plan.ours, plan.runtime)
    const { publicKey } = await server.call('listen', { bootstrap, bytes: BYTES, delay })
    await client.call('start', { bootstrap })
    // both are on this host, and must not connect over its own addresses
    const options = { localConnection: false }
    const report = await client.call('connect', { publicKey, bytes: BYTES, options })
    const { random, tryLater } = await server.call('punches')
    return { error: report.error, receivedBytes: report.receivedBytes, random, tryLater }
  } finally {
    await world.destroy()
  }
}
