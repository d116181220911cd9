// A reader stops for longer than the sender waits for a dead peer, over a path with delay and loss.
// The connection survives, lost packets are repeated, and all data arrives.

const test = require('brittle')
const { process } = require('../helpers/runtime')
const { seed } = require('../helpers/random')
const { World } = require('./world')
const plan = require('./plan')

const MIB = 1024 * 1024

/** A sender gives up after 13 s. */
const SHORT = { bytes: 16 * MIB, pauseAt: 4 * MIB, pause: 15_000, losses: [0.03] }
const LONG = { bytes: 200 * MIB, pauseAt: 40 * MIB, pause: 30_000, losses: [0, 0.01] }

/** The memory that a connection may take while nobody reads. */
const MOST = 8 * MIB

const transfer = process.env.HYPERDHT_LONG === '1' ? LONG : SHORT

for (const loss of transfer.losses) {
  test(`a reader that stops, loss ${loss * 100} %`, { timeout: 300_000 }, async t => {
    t.comment(`HYPERDHT_SEED=${seed}`)
    // their pauses are at the same time
    await Promise.all(pairs().map(pair => stall(t, pair, loss)))
  })
}

/** The reference proves the test in its own run. */
function pairs() {
  const all = plan.pairs(plan.ours)
  if (plan.ours === 'reference') return all
  return all.filter(({ server, client }) => [server, client].includes('native'))
}

async function stall(t, { server, client }, loss) {
  const name = `${client} to ${server}`
  const world = new World()
  t.teardown(() => world.destroy())
  const options = await world.startForwarder(seed)

  const reader = await world.spawn('transfer', server, plan.runtime)
  const writer = await world.spawn('transfer', client, plan.runtime)
  const { pauseAt, pause, bytes } = transfer
  const { publicKey } = await reader.call('listen', { ...options, pauseAt, pause })
  await world.forwarder.call('setPath', { delay: 20, loss })

  const paused = reader.next('paused')
  const report = reader.next('report')
  const sent = await writer.call('send', { ...options, publicKey, bytes })
  await paused
  const { lost } = await world.forwarder.call('counters')
  t.comment(`${name}: ${lost} packets lost`)
  t.alike(sent, { sent: bytes, error: null }, `${name}: all was sent`)
  const { grown, ...rest } = await report
  const mib = (grown / MIB).toFixed(1)
  // the first messages of a process make it grow, too
  if (server === 'native' && transfer === LONG) t.ok(grown < MOST, `${name}: grew by ${mib} MiB`)
  else t.comment(`${name}: the reader grew by ${mib} MiB`)
  const whole = { received: bytes, intact: true, ended: true, error: null }
  t.alike(rest, whole, `${name}: all has arrived`)
}
