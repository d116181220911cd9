// The NAT laboratory: three cells and a change, ours in every role. It needs root and nftables.

const test = require('brittle')
const { executable, isBare, path } = require('../helpers/runtime')
const run = require('../helpers/run')
const { contradictions } = require('../../natlab/trace')
const { CHANGES, problem } = require('../../natlab/changes')
const { broken, summarize, table } = require('../../natlab/change-table')

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
  t.ok(problem('rebind-client', 'none,home'))
  t.ok(problem('rebind-server', 'home,full'))
  for (const name of Object.keys(CHANGES)) t.ok(problem(name, 'same,plain'), name)
  const { code, stderr } = await run([...PROGRAM, 'none,home', '--change', 'rebind-client'], {})
  t.is(code, 1)
  t.ok(stderr.startsWith('rebind-client needs one of home, '), stderr)
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
