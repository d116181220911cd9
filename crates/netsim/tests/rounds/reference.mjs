// Measures the round trips of dht-rpc itself, in the same networks as main.rs, with simulated
// sockets, timers and clock:
//
//   node crates/netsim/tests/rounds/reference.mjs [seeds]

import { createRequire } from 'node:module'
import { Clock } from '../../../proto/tests/persistence/clock.mjs'
import { World } from './world.mjs'

const clock = new Clock()
clock.install()
const DHT = createRequire(import.meta.url)('dht-rpc')

const RTT = 100
const LOOKUP = 3
const SEEDS = Number(process.argv[2] ?? 10)

const ROWS = [
  ['bootstrapped, open address', world => bootstrap(world, { firewalled: false })],
  ['bootstrapped, default options, open address', world => bootstrap(world, {})],
  ['bootstrapped, default options, behind a firewall', world => bootstrap(world, {}, true)],
  ['lookup', world => query(world, 0, false)],
  ['lookup, 1 % lost', world => query(world, 0.01, false)],
  ['lookup, 3 % lost', world => query(world, 0.03, false)],
  ['announce', world => query(world, 0, true)],
  ['announce, 1 % lost', world => query(world, 0.01, true)],
  ['announce, 3 % lost', world => query(world, 0.03, true)]
]

console.log('| | 24 nodes, median | 95 % | 200 nodes, median |')
console.log('| --- | --- | --- | --- |')
for (const [name, trial] of ROWS) {
  const few = await times(trial, 24, SEEDS)
  const many = await times(trial, 200, Math.ceil(SEEDS / 2))
  const [median, late] = [0.5, 0.95].map(part => few[Math.floor(few.length * part)].toFixed(1))
  console.log(`| ${name} | ${median} | ${late} | ${many[many.length >> 1].toFixed(1)} |`)
}
process.exit(0)

async function times(trial, nodes, seeds) {
  const all = []
  for (let seed = 1; seed <= seeds; seed++) {
    clock.seed(seed)
    const world = new World(DHT, clock, RTT)
    for (let i = 0; i < nodes; i++) await world.join()
    all.push((await trial(world)) / RTT)
    await world.destroy()
  }
  return all.sort((a, b) => a - b)
}

function bootstrap(world, options, isFirewalled = false) {
  const dht = world.node(options, isFirewalled)
  return world.timed(dht.fullyBootstrapped())
}

async function query(world, loss, commits) {
  const dht = world.node({ firewalled: false })
  await world.timed(dht.fullyBootstrapped())
  world.loss = loss
  const target = Buffer.from(Array.from({ length: 32 }, () => Math.floor(Math.random() * 256)))
  return world.timed(dht.query({ target, command: LOOKUP }, { commit: commits }).finished())
}
