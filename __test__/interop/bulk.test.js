// Large transfers between ours and the reference, over a path that loses packets: nothing breaks,
// nothing is altered, and ours sends no more again than the reference does to itself. How much the
// reference sends again differs by a factor of ten from run to run, with either receiver.
//
// HYPERDHT_GIB=4 HYPERDHT_LONG=1 node __test__/interop/bulk.test.js

const test = require('brittle')
const { process } = require('../helpers/runtime')
const { seed } = require('../helpers/random')
const { World } = require('./world')
const plan = require('./plan')

const MIB = 1024 * 1024

const isLong = process.env.HYPERDHT_LONG === '1'
const bytes =
  Math.round(Number(process.env.HYPERDHT_GIB || (isLong ? 0.25 : 0.015625)) * 1024) * MIB

/** Of the packets with data, in each direction. */
const LOSSES = isLong ? [0, 0.001, 0.01] : [0.01]

const REFERENCE = { server: 'reference', client: 'reference' }

/** A transfer that is as slow as 1 MiB/s has failed. */
const timeout = 120_000 + (bytes / MIB) * 1000

for (const loss of LOSSES) {
  test(`${bytes / MIB} MiB, loss ${loss * 100} %`, { timeout: timeout * 4 }, async t => {
    t.comment(`HYPERDHT_SEED=${seed}`)
    const own = await transfer(t, REFERENCE, loss)
    const most = Math.max(own, loss) * MORE + CHANCE
    for (const pair of pairs()) {
      const share = await transfer(t, pair, loss)
      if (!isLong || pair.client === 'reference') continue
      t.ok(share <= most, `${named(pair)}: no more than the reference sends again`)
    }
  })
}

/** One end is ours. */
function pairs() {
  return plan.pairs(plan.ours).filter(({ server, client }) => server !== client)
}

/** Resolves with the share of the sender's packets that were sent again. */
async function transfer(t, { server, client }, loss) {
  const name = named({ server, client })
  const world = new World()
  try {
    const options = await world.startForwarder(seed)
    const reader = await world.spawn('bulk', server, plan.runtime)
    const writer = await world.spawn('bulk', client, plan.runtime)
    const { publicKey } = await reader.call('listen', options)
    await world.forwarder.call('setPath', { delay: 0, loss })

    const report = reader.next('report')
    const start = Date.now()
    const { hash, packets, retransmits, ...sent } = await writer.call('send', {
      ...options,
      publicKey,
      bytes
    })
    const seconds = (Date.now() - start) / 1000
    t.alike(sent, { error: null }, `${name}: all was sent`)
    t.alike(await report, { received: bytes, error: null, hash }, `${name}: it has arrived`)
    const share = retransmits / packets
    const { lost, forwarded } = await world.forwarder.call('counters')
    t.comment(
      `${name}: ${packets} packets, ${(share * 100).toFixed(3)} % again; ` +
        `${lost} of ${forwarded} were dropped; ${(bytes / MIB / seconds).toFixed(0)} MiB/s`
    )
    return share
  } finally {
    await world.destroy()
  }
}

function named({ server, client }) {
  return `${client} to ${server}`
}

/** Which packets are lost, and when processes run, is chance. */
const MORE = 1.1
const CHANCE = 0.001
