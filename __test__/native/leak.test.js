// 5 x 1000 connections, opened and closed in one process, leave nothing behind.

const test = require('brittle')
const { isBare } = require('../helpers/runtime')
const runProgram = require('../helpers/run-program')

const MAX_GROWTH_BYTES = 2 * 1024 * 1024

// Memory is that of a process with a young generation of fixed size, since V8 lets it grow on its
// own. Bare takes no such flags and has no call for a collection.
const RUNTIME_ARGS = isBare ? [] : ['--expose-gc', '--max-semi-space-size=1']

test('5 x 1000 connections leak nothing', { timeout: 300_000 }, async t => {
  const { code, lines, stderr } = await runProgram('leak', {
    runtimeArgs: RUNTIME_ARGS,
    timeout: 280_000
  })
  t.is(code, 0, stderr)
  for (const line of lines) t.comment(line)
  const [before, first, second, , , fifth, after] = lines.map(line => JSON.parse(line))

  t.alike(objects(fifth), objects(before), 'live objects after 5000 connections')
  t.is(fifth.descriptors, first.descriptors, 'descriptors')
  if (!isBare) {
    const grown = fifth.rss - second.rss
    t.ok(grown <= MAX_GROWTH_BYTES, `resident memory grew by ${Math.round(grown / 1024)} KiB`)
  }

  const left = Object.entries(objects(after))
  t.ok(left.length > 0, 'there are counters')
  for (const [name, value] of left) t.is(value, 0, 'live objects: ' + name)
})

/** Without the timers, of which an idle node has a few. */
function objects({ live: { timers, ...rest } }) {
  return rest
}
