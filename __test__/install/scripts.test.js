// The flags of `npm test`.

const test = require('brittle')
const path = require('path')
const run = require('../helpers/run')

const SCRIPT = path.join(__dirname, '..', '..', 'scripts', 'test.mjs')

test('--help tells the flags, and runs nothing', async t => {
  const { code, stdout, stderr } = await run([process.execPath, SCRIPT, '--help'])
  t.is(code, 0)
  t.ok(stdout.startsWith('usage: npm test'))
  for (const flag of ['--long', '--js', '--reference', '--filter <text>'])
    t.ok(stdout.includes(flag))
  t.is(stderr, '')
})

for (const flag of ['--lnog', '--long=yes', '--filter', 'connection', '-x']) {
  test(`${flag} is an error, and runs nothing`, async t => {
    const { code, stdout, stderr } = await run([process.execPath, SCRIPT, flag])
    t.is(code, 1)
    t.is(stdout, '')
    t.ok(stderr.includes('usage: npm test'), stderr)
  })
}
