// The NAT laboratory: three cells and a change, ours in every role. It needs root and nftables.

const test = require('brittle')
const { executable, isBare, path } = require('../helpers/runtime')
const run = require('../helpers/run')
const { contradictions } = require('../../natlab/trace')
const { CHANGES, problem } = require('../../natlab/changes')
const { broken, summarize, table } = require('../../natlab/change-table')
const { isCell } = require('../../natlab/cells')
const { ROWS } = require('../../natlab/goals')
const { misses, cellTable, table: goalTable } = require('../../natlab/goal-table')
const tasks = require('../../natlab/tasks')

const CELLS = ['home,home', 'random,home']
const PROGRAM = [executable('node'), path.join(__dirname, '../../natlab/index.js')]
const IMPOSSIBLE = 'random,random'
const ROUND = [{ step: 'round', ms: 100 }]

// the laboratory runs its processes in Node, so that a run in Bare would test the same again
test('a laboratory of three cells', { skip: isBare, timeout: 300_000 }, async t => {
  const stdout = await laboratory(t, ...CELLS, IMPOSSIBLE)
  if (stdout === null) return
  for (const cell of CELLS)
    t.ok(new RegExp(`^\\| ${cell} *\\| OOO \\| 1/1 `, 'm').test(stdout), cell)
  t.ok(/^ +randomNats, random\/random, /m.test(stdout), IMPOSSIBLE)
})

test('a NAT that changes', { skip: isBare, timeout: 300_000 }, async t => {
  const stdout = await laboratory(t, 'home,home', '--change', 'rebind-client')
  if (stdout === null) return
  t.ok(/^\| rebind-client \| home,home \| OOO \| 1\/1 /m.test(stdout), stdout)
})

test('a change that a cell cannot have is refused', { skip: isBare }, async t => {
  t.is(problem('roam-client', 'none,seq'), null)
  t.is(problem('rebind-server', 'none,cgnat'), null)
  t.is(problem('rebind-client', 'seq,eif'), null)
  t.ok(problem('rebind-client', 'none,home'))
  t.ok(problem('rebind-server', 'home,full'))
  for (const name of Object.keys(CHANGES)) t.ok(problem(name, 'same,plain'), name)
  const { code, stderr } = await run([...PROGRAM, 'none,home', '--change', 'rebind-client'], {})
  t.is(code, 1)
  t.ok(stderr.startsWith('rebind-client needs one of eif, '), stderr)
})

test('what a change may not do', { skip: isBare }, t => {
  const end = { error: null, got: 600, wrong: null, gap: 300, path: 'direct', after: 5000 }
  const client = { ...end, remotes: ['20.2.0.1:1', '20.2.0.1:1'] }
  const server = { ...end, remotes: ['20.1.0.1:1', '20.1.0.1:2'] }
  const result = { cell: 'home,home', mix: 'OOO', change: 'rebind-client', ok: true, ms: 200 }
  t.alike(broken({ ...result, ends: { client, server } }), [])
  t.alike(broken({ ...result, ends: { client, server: client } }), [
    'the client is still seen at 20.2.0.1:1'
  ])
  const doubled = { ...client, error: 'ETIMEDOUT', wrong: '8 instead of 9', after: 3000 }
  const failed = { ...result, ok: false, error: 'ETIMEDOUT', ends: { client: doubled, server } }
  t.alike(broken(failed), ['the client got message 8 instead of 9'])

  const again = { ok: true, ms: 700, tries: 1, path: 'direct' }
  const rows = summarize([
    { ...result, ends: { client, server } },
    { ...failed, again }
  ])
  t.alike(rows[0].times, { gap: quantile(300), again: quantile(700) })
  t.alike(rows[0].errors, [{ error: 'ETIMEDOUT', ms: 3000 }])
  t.ok(table(rows).endsWith('| 1 ETIMEDOUT @3000 |'))

  const lost = { ok: false, error: 'PEER_CONNECTION_FAILED', ms: 4000, tries: 7 }
  const [unreached] = summarize([{ ...failed, again: lost }])
  t.is(unreached.errors[0].error, 'ETIMEDOUT (again: PEER_CONNECTION_FAILED)')
  const known = { ok: true, ms: 200, path: 'direct' }
  const [remapped] = summarize([
    { ...result, change: 'remap-server', ok: false, error: lost.error, known, fresh: lost }
  ])
  t.alike(remapped.errors, [{ error: 'PEER_CONNECTION_FAILED', ms: 4000 }])
})

test('the rows of the goals can be measured', { skip: isBare }, t => {
  for (const { name, cells, changes = [] } of ROWS) {
    const unknown = cells.filter(cell => !isCell(cell))
    const refused = changes.flatMap(change => cells.map(cell => problem(change, cell)))
    t.alike([...unknown, ...refused.filter(Boolean)], [], name)
  }
  const all = tasks({ goals: true, runs: 2, mixes: ['OOO', 'RRR'], seed: 1 })
  const twice = all.filter(({ row, cell }) => row === 'one LAN' && cell === 'same,plain')
  t.alike(
    twice.map(({ mix, options }) => [mix, options.seed]),
    [
      ['OOO', 1],
      ['RRR', 1],
      ['OOO', 2],
      ['RRR', 2]
    ]
  )
})

test('what misses its goal is named', { skip: isBare }, t => {
  const row = 'random × home'
  const result = { row, cell: 'random,home', mix: 'OOO', ok: true, ms: 800, path: 'direct random' }
  const theirs = { ...result, mix: 'RRR', path: null }
  t.alike(misses([result, theirs]), [])
  t.alike(misses([{ ...result, ms: 1600 }, theirs]), [
    `${row}: p50 1600 ms, goal 1500`,
    `${row}: random,home OOO p50 1600 ms, RRR 800`
  ])
  const failed = { ...result, mix: 'ROR', ok: false, error: 'HOLEPUNCH_ABORTED' }
  t.alike(misses([failed, theirs]), [`${row}: random,home ROR opened 0/1, RRR 1/1`])

  const impossible = { ...failed, row: 'random × random', cell: 'random,random', mix: 'OOO' }
  t.alike(misses([{ ...impossible, ms: 300 }]), [
    'random × random: 1 times not HOLEPUNCH_DOUBLE_RANDOMIZED_NATS within 600 ms'
  ])
  const tried = [result, failed, theirs]
  const line = goalTable(tried)
    .split('\n')
    .find(text => text.startsWith(`| ${row}`))
  t.is(
    line.replaceAll(/ +/g, ' '),
    `| ${row} | 100 %, p50 1500, max 6000 | 1/1 800 / 800 / 800 | | 0/1, 1 HOLEPUNCH_ABORTED @800 | 1/1 800 / 800 / 800 |`
  )
  const cell = cellTable(tried)
    .split('\n')
    .find(text => text.startsWith('| `random,home`'))
  t.ok(cell.includes('| direct random '), cell)
})

test('a trace is compared with the laboratory', { skip: isBare }, t => {
  const trace = { reason: 'randomNats', localNat: 'random', remoteNat: 'random', steps: ROUND }
  t.alike(contradictions('random,seq', trace), [])
  t.alike(contradictions('random,home', trace), ['remoteNat random instead of consistent'])
  t.alike(contradictions('blocked,random', trace), [
    'localNat random instead of unknown',
    'reason randomNats instead of noAnswer'
  ])
  const silent = { ...trace, reason: 'notAnnounced', remoteNat: 'unknown', steps: [] }
  t.alike(contradictions('random,blocked', silent), [])
  const near = { ...trace, reason: 'probesLost', localNat: 'consistent', remoteNat: 'consistent' }
  t.alike(contradictions('same,cgnat', near), [])
  t.alike(contradictions('same,cgnat-hairpin', near), [])
})

/** One run of each cell: what was printed; null where no laboratory can be built. */
async function laboratory(t, ...args) {
  const { code, stdout, stderr } = await run([...PROGRAM, ...args, '--runs', '1'], {
    timeout: 290_000
  })
  const [line, reason] = /^No NAT laboratory here: (.*)\.$/m.exec(stdout) || []
  if (line) t.comment(`left out: ${reason}`)
  else t.is(code, 0, stderr)
  return line ? null : stdout
}

function quantile(ms) {
  return { p50: ms, p90: ms, max: ms }
}
