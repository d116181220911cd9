// The parts of the benchmarks that compute and write; nothing is measured here.

const test = require('brittle')
const { fs, isBare, path } = require('../helpers/runtime')

const ROOT = path.join(__dirname, '../..')
const RESULT = {
  rows: {
    'writes of 64 KiB': {
      'native:native': { rate: [400, 500, null], clientCpu: [2, 2, 2] },
      'reference:reference': { rate: [100, 100, 100], clientCpu: [8, 8, 16] }
    }
  },
  bases: { 'writes of 64 KiB': 'reference:reference' },
  failures: [{ side: 'native:native', run: 3, error: 'too slow' }],
  settings: { mib: 256, only: '' },
  runs: 3,
  seconds: 12
}

// the benchmarks run in Node
test('figures of several runs', { skip: isBare }, t => {
  const { quantile, ratio, summary } = require('../../bench/suite/statistics')
  t.alike(summary([3, 1, 2]), { median: 2, min: 1, max: 3, count: 3 })
  t.is(summary([4, 1, 3, 2]).median, 2.5)
  t.is(summary([5, undefined, null]).median, 5, 'a run that failed counts for nothing')
  t.is(summary([]), null)
  t.is(quantile([1, 2, 3, 4, 5], 0.99).toFixed(2), '4.96')

  t.alike(ratio([10, 40, 90], [10, 20, 30]), { median: 2, min: 1, max: 3, count: 3 })
  t.is(ratio([10, null, 90], [10, 20, undefined]).count, 1, 'both sides of a run')
  t.is(ratio([1], [0]), null)
})

test('goals that are met, missed and not measured', { skip: isBare }, t => {
  const { GOALS, goalTable, judge } = require('../../bench/suite/goals')
  const judged = judge({ throughput: RESULT })
  const [bulk, sending] = judged
  t.is(bulk.measured.median, 4.5)
  t.alike([bulk.met, bulk.aimed], [true, false])
  t.alike([sending.met, sending.aimed], [true, false], '0.25, and the aim is 0.2')

  const lines = goalTable(judged).split('\n')
  t.is(lines.length, GOALS.length + 2)
  t.is(lines[2], '| bulk, ours ↔ ours | ≥ 4.00× | ≥ 5.00× | 4.50× (4.00×–5.00×) | met |')
  t.ok(lines.at(-1).endsWith('| not measured |  |'), lines.at(-1))

  const slow = { ...RESULT, rows: { 'writes of 64 KiB': swapped(RESULT.rows['writes of 64 KiB']) } }
  t.ok(goalTable(judge({ throughput: slow })).includes('| **missed** |'))
})

test('each goal names a row, a side and a figure of its benchmark', { skip: isBare }, t => {
  const { GOALS } = require('../../bench/suite/goals')
  for (const { goal, of } of GOALS) {
    const [name, row, side, figure] = of
    const bench = require(path.join(ROOT, 'bench', name))
    const figures = bench.figures.map(([key]) => key)
    t.ok(figures.includes(figure), `${goal}: ${figure}`)
    const found = bench.cases(bench.defaults).find(({ rows }) => rows?.includes(row))
    t.ok(found, `${goal}: ${row}`)
    t.ok((bench.everySide || found.sides).includes(side), `${goal}: ${side}`)
  }
})

test('every second run takes the sides the other way round', { skip: isBare }, async t => {
  const runner = require('../../bench/suite/runner')
  const measured = []
  const measure = side => {
    measured.push(side)
    return { [side === 'third' ? 'unknown' : 'row']: { figure: 1 } }
  }
  const sides = ['first', 'second', 'third']
  const bench = {
    name: 'order',
    figures: [['figure', 'figure', 0]],
    cases: () => [{ sides, base: 'first', rows: ['row'], measure }]
  }
  const result = await runner.run(bench, { runs: 2, settings: {}, say: () => {} })
  t.alike(measured, [...sides, ...[...sides].reverse()])
  t.alike(result.rows, { row: { first: { figure: [1, 1] }, second: { figure: [1, 1] } } })
  t.is(result.failures.length, 2, 'a row that the case does not have')
})

test('the table of a benchmark', { skip: isBare }, t => {
  const { section } = require('../../bench/suite/tables')
  const text = section(require('../../bench/throughput'), RESULT)
  t.ok(text.includes('`node bench/throughput.js --runs 3 --mib 256`, 12 s.'), text)
  t.ok(text.includes('| native : native | 450 (400–500) 4.50× | 2.00 (2.00–2.00) 0.25× |'), text)
  t.ok(text.includes('- native:native, run 3: too slow'), text)
})

test('what stands between the marks is replaced', { skip: isBare }, t => {
  const { report, rewritten } = require('../../bench/suite/report')
  const document = fs.readFileSync(path.join(ROOT, 'docs/BENCHMARKS.md'), 'utf8')
  const once = rewritten(document, 'first')
  t.ok(once.includes('\n\nfirst\n\n'))
  t.is(rewritten(once, 'first'), once)
  t.absent(rewritten(once, 'second').includes('first'))
  const kept = document.slice(document.indexOf('## Limited links'))
  t.ok(kept.length > 1000 && once.endsWith(kept), 'the sections of virtual time stay')
  t.exception(() => rewritten('# Benchmarks', 'first'), /lacks the lines/)

  const machine = require('../../bench/suite/machine').machine()
  const run = {
    machine,
    runs: 3,
    quick: false,
    results: { throughput: RESULT },
    notes: ['A note.']
  }
  const text = report([require('../../bench/throughput')], run)
  t.ok(text.startsWith('## Goals\n\n'))
  t.ok(text.includes('2 of 2 goals are met.') && text.includes('A note.'), text)
  t.absent(text.includes(ROOT), 'no paths')
})

test('a connection that does not open ends a run', { skip: isBare }, async t => {
  const opened = require('../../bench/roles/opened')
  const { nodes } = await require('../../testnet')(3, t.teardown)
  const conn = nodes[0].connect(Buffer.alloc(32, 1))
  conn.on('error', () => {})
  await t.exception(opened(conn), /closed before it opened/)
})

test('a run that may not rewrite the document', { skip: isBare }, t => {
  const { report, unfit } = require('../../bench/suite/report')
  const failed = { ...RESULT, rows: {}, bases: {} }
  const run = { quick: false, only: '', results: { latency: failed, throughput: RESULT } }
  t.is(unfit(run), null, 'one benchmark may fail')
  t.ok(unfit({ ...run, quick: true }).includes('--quick'))
  t.ok(unfit({ ...run, only: 'latency' }).includes('--only latency'))
  t.ok(unfit({ ...run, results: { latency: failed } }).includes('all runs failed'))

  const machine = require('../../bench/suite/machine').machine()
  const benches = [require('../../bench/latency')]
  const text = report(benches, { ...run, machine, runs: 3, notes: [] })
  t.ok(text.includes('## Ping-pong') && text.includes('too slow'), 'and says so')
})

test('the chart has a title and a line for each goal that was measured', { skip: isBare }, t => {
  const { judge } = require('../../bench/suite/goals')
  const svg = require('../../bench/suite/chart')(judge({ throughput: RESULT }))
  t.ok(/^<svg [^>]*>\n<title>[^<]+<\/title>\n/.test(svg))
  t.is(svg.match(/<circle/g).length, 2)
  const empty = require('../../bench/suite/chart')(judge({}))
  t.ok(empty.endsWith('</svg>\n'))
})

test('command lines', { skip: isBare }, t => {
  const { ends, parse } = require('../../bench/suite/options')
  const defaults = { runs: 5, only: '', quick: false }
  t.alike(parse(['--runs', '3', 'native', '--quick'], defaults), {
    options: { runs: 3, only: '', quick: true },
    rest: ['native']
  })
  t.exception(() => parse(['--run', '3'], defaults), /--run is not known here/)
  t.exception(() => parse(['--runs', 'many'], defaults), /needs a number/)
  t.exception(() => parse(['--only'], defaults), /needs a value/)
  t.alike(ends('native:reference'), { client: 'native', server: 'reference' })
  t.alike(ends('native'), { client: 'native', server: 'native' })
  t.exception(() => ends('other'), /an implementation is one of/)
})

test('what is installed', { skip: isBare }, t => {
  const { installed } = require('../../bench/suite/installed')
  const [ours, theirs] = ['native', 'reference'].map(installed)
  t.ok(ours.packages < theirs.packages)
  t.ok(ours.bytes > 1e6)
})

/** The two sides of a row in each other's place. */
function swapped(sides) {
  return {
    'native:native': sides['reference:reference'],
    'reference:reference': sides['native:native']
  }
}
