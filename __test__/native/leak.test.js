// 5 x 1000 connections, opened and closed in one process, leave nothing behind. What they leave in
// the core is counted in crates/netsim/tests/leak.rs.

const test = require('brittle')
const { isBare } = require('../helpers/runtime')
const runProgram = require('../helpers/run-program')

// Bare takes no such flags and has no call for a collection.
const RUNTIME_ARGS = isBare ? [] : ['--expose-gc', '--max-semi-space-size=1']

// If each thread has an arena, memory that one thread allocates and another one frees leaves holes,
// which take minutes to fill. Systems without arenas ignore this variable.
const ENV = { MALLOC_ARENA_MAX: '1' }

test('5 x 1000 connections leak nothing', { timeout: 300_000 }, async t => {
  const { code, lines, stderr } = await runProgram('leak', {
    runtimeArgs: RUNTIME_ARGS,
    env: ENV,
    timeout: 280_000
  })
  t.is(code, 0, stderr)
  for (const line of lines) t.comment(line)
  const [before, ...rounds] = lines.map(line => JSON.parse(line))
  const after = rounds.pop()
  const last = rounds[rounds.length - 1]

  t.alike(objects(last), objects(before), 'live objects after 5000 connections')
  t.is(last.descriptors, rounds[0].descriptors, 'descriptors')
  if (!isBare) {
    checkGrowth(t, rounds, 'heap', MAX_HEAP_GROWTH)
    checkGrowth(t, rounds, 'native', MAX_NATIVE_GROWTH)
  }

  const left = Object.entries(objects(after))
  t.ok(left.length > 0, 'there are counters')
  for (const [name, value] of left) t.is(value, 0, 'live objects: ' + name)
})

// Compares the minimum of the later rounds with the maximum of the first two. A leak only grows,
// while other memory goes up and down.
function checkGrowth(t, rounds, name, limit) {
  const bytes = rounds.map(round => round[name])
  const grown = Math.min(...bytes.slice(2)) - Math.max(...bytes.slice(0, 2))
  t.ok(grown <= limit, `${name}: grew by ${Math.round(grown / 1024)} KiB`)
}

/** Without the timers, of which an idle node has a few. */
function objects({ live: { timers, ...rest } }) {
  return rest
}

/** A stream of a connection that is not forgotten has some 3 KiB, and a round makes 2000. */
const MAX_HEAP_GROWTH = 256 * 1024

/** Without a leak, resident memory still varies by some hundred KiB. */
const MAX_NATIVE_GROWTH = 1024 * 1024
