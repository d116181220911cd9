// All benchmarks, one after another; each compares this package with the reference.
//
//   npm run bench [-- --runs 5] [--only throughput,latency] [--quick] [--json FILE] [--from FILE]
//
// A run of all benchmarks rewrites docs/BENCHMARKS.md and docs/benchmarks.svg; with --only or
// --quick the tables are printed, and both files stay. They stay as well if nothing could be
// measured. --json keeps the figures of all runs, and --from writes the document again from such a
// file, if it is of a run that may write it. Each benchmark is a program of its own too, with more settings:
// `node bench/latency.js`.

const fs = require('fs')
const path = require('path')
const chart = require('./suite/chart')
const { judge } = require('./suite/goals')
const { machine } = require('./suite/machine')
const { parse } = require('./suite/options')
const { problems } = require('./suite/ready')
const { report, rewritten, unfit } = require('./suite/report')
const runner = require('./suite/runner')

const BENCHES = [
  require('./throughput'),
  require('./rivals'),
  require('./latency'),
  require('./unordered'),
  require('./connect'),
  require('./event-loop'),
  require('./relay'),
  require('./serve'),
  require('./dht'),
  require('./startup'),
  require('./idle'),
  require('./instructions')
]

const DOCS = path.join(__dirname, '../docs')

async function main() {
  const defaults = { runs: 5, only: '', quick: false, json: '', from: '' }
  const { options, rest } = parse(process.argv.slice(2), defaults)
  if (rest.length > 0) throw new Error(`not understood: ${rest.join(' ')}`)
  if (options.from) return write(JSON.parse(fs.readFileSync(options.from, 'utf8')))

  const benches = chosen(options.only)
  const run = { machine: machine(), ...options, notes: prepare(benches), results: {} }
  for (const bench of benches) run.results[bench.name] = await measure(bench, options)
  await runner.end()

  if (options.json) fs.writeFileSync(options.json, JSON.stringify(run, null, 2) + '\n')
  if (options.only || options.quick) console.log('\n' + report(BENCHES, run))
  else write(run)
}

function chosen(only) {
  const names = only.split(',').filter(Boolean)
  const known = BENCHES.map(bench => bench.name)
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) throw new Error(`--only takes ${known.join(', ')}, not ${unknown}`)
  return names.length > 0 ? BENCHES.filter(bench => names.includes(bench.name)) : BENCHES
}

/** Throws if something is missing without which the run is worth nothing. */
function prepare(benches) {
  const found = problems(benches)
  const lines = found.map(({ missing, remedy }) => `${missing}: ${remedy}`)
  if (found.some(({ needed }) => needed)) throw new Error(lines.join('\n'))
  for (const line of lines) console.log(`left out, ${line}`)
  return found.map(({ missing, remedy }) => `Left out: ${missing} (\`${remedy}\`).`)
}

function measure(bench, { runs, quick }) {
  console.log(`\n${bench.title}`)
  const settings = { ...bench.defaults, ...(quick ? bench.quick : {}) }
  return runner.run(bench, { runs, settings, say: console.log })
}

/** Throws if the run is not one for the document. */
function write(run) {
  const why = unfit(run)
  if (why) throw new Error(`docs/BENCHMARKS.md stays as it is: ${why}`)
  const file = path.join(DOCS, 'BENCHMARKS.md')
  const document = rewritten(fs.readFileSync(file, 'utf8'), report(BENCHES, run))
  fs.writeFileSync(file, document)
  fs.writeFileSync(path.join(DOCS, 'benchmarks.svg'), chart(judge(run.results)))
  console.log('\ndocs/BENCHMARKS.md and docs/benchmarks.svg are written')
}

main().catch(async error => {
  console.error(error.message)
  process.exitCode = 1
  await runner.end()
})
