// Runs the cases of a benchmark, the sides of each in turns. Every second run takes them the other
// way round, so that none always follows the same one.

const Peer = require('./peer')
const { summary } = require('./statistics')

/**
 * @typedef {object} Bench
 * @property {string} name
 * @property {string} title
 * @property {string} about what it does, for docs/BENCHMARKS.md
 * @property {Record<string, number | string>} defaults
 * @property {Record<string, number | string>} quick other settings for a quick run
 * @property {string} [sidesTitle] what its sides are, if not client and server
 * @property {[key: string, title: string, digits: number][]} figures
 * @property {number} [most] the most runs of it
 * @property {() => { missing: string, remedy: string, needed: boolean }[]} [ready]
 * @property {string[]} [everySide] if its cases leave out the sides that are not built
 * @property {(settings: object) => Case[]} cases
 *
 * @typedef {object} Case
 * @property {string[]} sides as `client:server`
 * @property {string} base the side that the others are compared with
 * @property {string[]} [rows] the rows that it measures, if they are known before
 * @property {(side: string, context: Context) => Promise<Record<string, Record<string, number>>>}
 *   measure gives the figures of one run, by rows
 *
 * @typedef {{ bootstrap: () => Promise<object[]> }} Context
 *
 * @typedef {Record<string, Record<string, Record<string, (number | null)[]>>>} Rows
 *   figures by row, side and name, one for each run
 */

/**
 * @param {Bench} bench
 * @param {{ runs: number, settings: object, sides?: string[], say: (line: string) => void }} options
 */
exports.run = async function run(bench, { runs, settings, sides = [], say }) {
  const result = {
    rows: {},
    bases: {},
    failures: [],
    settings,
    runs: Math.min(runs, bench.most || runs)
  }
  const started = process.hrtime.bigint()
  for (const each of bench.cases(settings)) {
    const chosen = sides.length > 0 ? sides : each.sides
    for (let i = 0; i < result.runs; i++) {
      const order = i % 2 === 0 ? chosen : [...chosen].reverse()
      for (const side of order) await once({ bench, result, each, side, run: i, say })
    }
  }
  result.seconds = Number(process.hrtime.bigint() - started) / 1e9
  return result
}

/** One run of one side. If it fails, the other runs go on. */
async function once({ bench, result, each, side, run, say }) {
  try {
    const context = { bootstrap }
    const rows = await inTime(each.measure(side, context), bench.name)
    for (const [row, figures] of Object.entries(rows)) {
      if (each.rows && !each.rows.includes(row)) throw new Error(`${row} is no row of this case`)
      const kept = of(of(result.rows, row), side)
      result.bases[row] = each.base
      for (const [name, figure] of Object.entries(figures)) of(kept, name, [])[run] = figure
      say(line(bench, `${bench.name} ${row}`, side, figures))
    }
  } catch (error) {
    result.failures.push({ side, run: run + 1, error: error.message })
    say(`${bench.name} ${side}: ${error.message}`)
    await end()
  }
}

/** The network of all measurements that need no other: four nodes of the reference. */
let network = null

function bootstrap() {
  if (network === null) network = new Peer('nodes', 'reference').message()
  return network.then(message => message.bootstrap)
}

exports.end = end

async function end() {
  network = null
  await Peer.endAll()
}

function inTime(measured, name) {
  let timer = null
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took more than ${LIMIT} s`)), LIMIT * 1e3)
  })
  return Promise.race([measured, late]).finally(() => clearTimeout(timer))
}

function line({ figures }, row, side, found) {
  const cells = figures
    .filter(([name]) => summary([found[name]]) !== null)
    .map(([name, title, digits]) => `${title} ${found[name].toFixed(digits)}`)
  return `${row.padEnd(44)} ${side.padEnd(22)} ${cells.join('   ')}`
}

function of(object, key, empty = {}) {
  object[key] ??= empty
  return object[key]
}

/** Seconds that one measurement may take. */
const LIMIT = 120
