// The simulation of crates/udx has a model of the reference's sender and receiver. Here is the
// reference itself on the same links, in real time, and what it carries is compared with the tables of
// the model. Runs of the reference differ much from each other: the same link carries 68 and 92 %.

const test = require('brittle')
const fs = require('node:fs')
const path = require('node:path')
const { process } = require('../helpers/runtime')
const { sleep } = require('../helpers/fixtures')
const { seed } = require('../helpers/random')
const { World } = require('./world')
const plan = require('./plan')

const TABLES = path.join(__dirname, '../../crates/udx/src/stream/tests/world/tables')

/** Megabits per second, milliseconds, and percent that are lost; the queue is of one product. */
const LINKS = [
  [20, 10, 0],
  [20, 40, 0],
  [20, 40, 1],
  [20, 100, 0],
  [20, 300, 1]
]

/** How much more or less the model may carry, as a factor, and repeat needlessly, in percent. */
const BOUNDS = {
  reference: { file: 'reference', rate: 2, again: 20 },
  native: { file: 'from-reference', rate: 1.2, again: 5 }
}

const skip = process.env.HYPERDHT_LONG !== '1'

for (const receiver of plan.implementations) {
  const { file, ...bounds } = BOUNDS[receiver]
  for (const [mbit, rtt, loss] of LINKS) {
    const name = `reference to ${receiver}: ${mbit} Mbit/s, ${rtt} ms, loss ${loss} %`
    test(name, { skip, timeout: 120_000 }, async t => {
      t.comment(`HYPERDHT_SEED=${seed}`)
      const model = read(file, mbit, rtt, loss)
      const real = await run(receiver, mbit, rtt, loss)
      t.comment(`model ${JSON.stringify(model)}, real ${JSON.stringify(real)}`)
      const ratio = Math.max(real.rate / model.rate, model.rate / real.rate)
      t.ok(ratio < bounds.rate, `rates differ by a factor of ${ratio.toFixed(2)}`)
      t.ok(Math.abs(real.again - model.again) < bounds.again, 'needless repetition')
    })
  }
}

/** The row of a table: the payload in percent of the link, and what has arrived again. */
function read(file, ...link) {
  const lines = fs.readFileSync(path.join(TABLES, `${file}.txt`), 'utf8').split('\n')
  const rows = lines.map(line => line.split(/[ |]+/).filter(Boolean).map(Number))
  const [, , , , rate, dropped, again] = rows.find(row => `${row.slice(0, 4)}` === `${link},100`)
  return { rate, dropped, again }
}

/** The same for streams of the reference to the receiver, in the second half of a run. */
async function run(receiver, mbit, rtt, loss) {
  const world = new World()
  try {
    const from = await world.spawn('memory', 'reference', plan.runtime)
    const to = await world.spawn('memory', receiver, plan.runtime)
    const link = await world.spawn('link', 'reference', 'node')
    const here = await from.call('bindRaw', { count: 1 })
    const there = await to.call('bindRaw', { count: 1 })

    const rate = mbit * 125
    const line = { rate, delay: rtt / 2, loss: loss / 100, queue: Math.max(rate * rtt, 7500) }
    const { ports } = await link.call('start', { ports: [here.port, there.port], seed, ...line })
    await to.call('connectRaw', { port: ports[1] })
    await from.call('connectRaw', { port: ports[0] })

    const half = 5000 + 30 * rtt
    const bytes = 3 * half * rate
    from.call('write', { size: 64 * 1024, bytes, waits: true }).catch(noop)
    await sleep(half)
    const before = await link.call('counts')
    await sleep(half)
    const after = await link.call('counts')
    return share(before, after, rate)
  } finally {
    await world.destroy()
  }
}

function share(before, after, rate) {
  const grown = name => after[name] - before[name]
  const percent = (part, all) => Math.round((part * 1000) / all) / 10
  return {
    rate: percent(grown('bytes'), grown('at') * rate),
    dropped: percent(grown('dropped'), grown('sent')),
    again: percent(grown('needless'), grown('sent'))
  }
}

function noop() {}
