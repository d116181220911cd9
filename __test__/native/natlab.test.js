// The NAT laboratory: three cells, ours in every role. It needs root and nftables.

const test = require('brittle')
const { executable, isBare, path } = require('../helpers/runtime')
const run = require('../helpers/run')
const { contradictions } = require('../../natlab/trace')

const CELLS = ['home,home', 'random,home']
const IMPOSSIBLE = 'random,random'
const ROUND = [{ step: 'round', ms: 100 }]

// the laboratory runs its processes in Node, so that a run in Bare would test the same again
test('a laboratory of three cells', { skip: isBare, timeout: 300_000 }, async t => {
  const program = path.join(__dirname, '../../natlab/index.js')
  const command = [executable('node'), program, ...CELLS, IMPOSSIBLE, '--runs', '1']
  const { code, stdout, stderr } = await run(command, { timeout: 290_000 })
  const [line, reason] = /^No NAT laboratory here: (.*)\.$/m.exec(stdout) || []
  if (line) return t.comment(`left out: ${reason}`)

  t.is(code, 0, stderr)
  for (const cell of CELLS)
    t.ok(new RegExp(`^\\| ${cell} *\\| OOO \\| 1/1 `, 'm').test(stdout), cell)
  t.ok(/^ +randomNats, random\/random, /m.test(stdout), IMPOSSIBLE)
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
