// The NAT laboratory: two cells, ours in every role. It needs root and nftables.

const test = require('brittle')
const { executable, isBare, path } = require('../helpers/runtime')
const run = require('../helpers/run')

const CELLS = ['home,home', 'random,home']

// the laboratory runs its processes in Node, so that a run in Bare would test the same again
test('a laboratory of two cells', { skip: isBare, timeout: 300_000 }, async t => {
  const program = path.join(__dirname, '../../natlab/index.js')
  const command = [executable('node'), program, ...CELLS, '--runs', '1']
  const { code, stdout, stderr } = await run(command, { timeout: 290_000 })
  const [line, reason] = /^No NAT laboratory here: (.*)\.$/m.exec(stdout) || []
  if (line) return t.comment(`left out: ${reason}`)

  t.is(code, 0, stderr)
  for (const cell of CELLS)
    t.ok(new RegExp(`^\\| ${cell} *\\| OOO \\| 1/1 `, 'm').test(stdout), cell)
})
