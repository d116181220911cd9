// npm test: formatting, lints, Rust tests, the addon, JavaScript tests in Node and in Bare.
// Ends with one line `N passed, N failed`; the exit code is 1 when something failed. `--help` lists
// the flags.

import { globFiles } from './glob.mjs'
import { build } from './build.mjs'
import { readFlags } from './test-flags.mjs'
import { bare, CARGO_IS_MISSING, capture, ensureInstalled, fail, hasCargo, say } from './tools.mjs'

const { long, filter, reference: referenceOnly, js } = readFlags(process.argv.slice(2))
const rust = !referenceOnly && !js

const MINUTES = 60_000

/** The first test of an app installs all of them. */
const APPS_MINUTES = 40

/** The fuzz targets are a workspace of their own. */
const FUZZ = ['--manifest-path', 'fuzz/Cargo.toml']

/** So is the internet of the NAT laboratory. */
const NATLAB = ['--manifest-path', 'natlab/internet/Cargo.toml']

/** The apps of every run; the others belong to the long run. */
const SMOKE_APPS = ['hyperswarm', 'corestore', 'hypertele', 'rpc']

/** The apps that run in Bare. */
const BARE_APPS = [
  ...['autopass', 'blind-relay', 'corestore', 'hyperdht-stats', 'hyperswarm'],
  ...['protomux-rpc', 'rpc']
]

/** Interop tests that need the addon in each test: the reference cannot prove them alone. */
const WITH_OURS = ['at-once', 'hooks', 'link', 'noise-wrap', 'raw-stream', 'reuse', 'udx-ipv6']

/** With these the soak needs no second process, which would outlive a time-out. */
const SOAK_FLAGS = ['--expose-gc', '--max-semi-space-size=1']

const totals = { passed: 0, failed: 0, failures: [] }

await main()

async function main() {
  if (!ensureInstalled()) fail('npm install failed: the tests cannot run.')
  if (rust) await rustSteps()
  if (!filter && !referenceOnly) await javascriptChecks()

  await referenceTests()
  if (!referenceOnly) await nativeTests()

  report()
}

async function rustSteps() {
  if (!hasCargo()) fail(CARGO_IS_MISSING)

  const lints = ['--workspace', '--all-targets', '--', '-D', 'warnings']
  await check('Rust formatting', 'cargo', ['fmt', '--all', '--check'])
  await check('Rust lints', 'cargo', ['clippy', ...lints])
  await check('Formatting of the fuzz targets', 'cargo', ['fmt', ...FUZZ, '--check'])
  await check('Lints of the fuzz targets', 'cargo', ['clippy', ...FUZZ, ...lints])
  await check('Formatting of the NAT laboratory', 'cargo', ['fmt', ...NATLAB, '--check'])
  await check('Lints of the NAT laboratory', 'cargo', ['clippy', ...NATLAB, ...lints])
  await check('Rust documentation', 'cargo', ['doc', '--workspace', '--no-deps'], {
    RUSTDOCFLAGS: '-D warnings'
  })
  await tests('Rust tests', 'cargo', ['test', '--workspace', '--no-fail-fast'], {
    count: countCargo,
    timeout: MINUTES * 30
  })
  await tests('Rust tests of the NAT laboratory', 'cargo', ['test', ...NATLAB], {
    count: countCargo,
    timeout: MINUTES * 10
  })
  if (!long) return

  const world = ['test', '--release', '-p', 'hyperdht-udx', '--lib', 'world', '--', '--ignored']
  await tests('Links of the world', 'cargo', world, { count: countCargo, timeout: MINUTES * 15 })
  const large = ['test', '--release', '-p', 'netsim', '--no-fail-fast', '--', '--include-ignored']
  await tests('Large networks', 'cargo', large, {
    env: { ROUNDS_FULL: '1', NATS_SEEDS: '200', MOVES_SEEDS: '20' },
    count: countCargo,
    timeout: MINUTES * 30
  })
}

async function javascriptChecks() {
  const biome = 'node_modules/@biomejs/biome/bin/biome'
  await check('JavaScript lints', process.execPath, [biome, 'lint', '--error-on-warnings', '.'])
  await check('JavaScript formatting', process.execPath, [biome, 'format', '.'])
}

/** The reference proves the tests before they judge ours. */
async function referenceTests() {
  const files = ['api', 'engine'].flatMap(testFiles)
  const env = { HYPERDHT_IMPL: 'reference' }
  await javascript('the reference, in Node', process.execPath, files, env)
  if (!long) return

  await javascript('the reference, in Bare', bare(), files, env)
  const interop = testFiles('interop').filter(file => !WITH_OURS.some(name => file.includes(name)))
  const alone = { HYPERDHT_CELLS: 'reference-only' }
  await javascript('the reference in every role', process.execPath, interop, alone)
  await javascript('the reference in every role', process.execPath, appTests(), alone, APPS_MINUTES)
}

async function nativeTests() {
  const built = build()
  record('Build of the addon', { passed: built ? 1 : 0, failed: built ? 0 : 1 })
  if (!built) return say('Without the addon, its JavaScript tests are left out.')

  const files = ['api', 'engine', 'native'].flatMap(testFiles)
  const interop = testFiles('interop')
  const env = { HYPERDHT_IMPL: 'native' }
  const inBare = { ...env, HYPERDHT_INTEROP_RUNTIME: 'bare' }

  await javascript('Node', process.execPath, files, env)
  // These tests run a compiler and npm, and do not depend on the runtime.
  await javascript('Node', process.execPath, ['types', 'install'].flatMap(testFiles), env, 20)
  await javascript('Bare', bare(), files, env)
  await javascript('interop, ours in Node', process.execPath, interop, env)
  await javascript('interop, ours in Bare', process.execPath, interop, inBare)
  await javascript('apps, ours in Node', process.execPath, appTests(), env, APPS_MINUTES)
  const appsInBare = appTests(BARE_APPS)
  await javascript('apps, ours in Bare', process.execPath, appsInBare, inBare, APPS_MINUTES)

  if (filter) return
  await check('Demo in Bare', process.execPath, ['scripts/demo.mjs', '--script'])
  await check('Demo in Node', process.execPath, ['scripts/demo.mjs', '--script', '--node'])
  if (!long) return

  await tests('Soak', process.execPath, [...SOAK_FLAGS, 'scripts/soak.mjs', '--minutes', '5'], {
    count: countSoak,
    timeout: MINUTES * 10
  })
}

function testFiles(folder) {
  return globFiles('__test__/' + folder, '.test.js').filter(file => file.includes(filter))
}

/** The test files of apps: of all, or of those with these names. */
function appTests(names) {
  const inThisRun = long ? names : (names || SMOKE_APPS).filter(name => SMOKE_APPS.includes(name))
  const nameOf = file => file.split('/').pop().replace('.test.js', '')
  return testFiles('apps').filter(file => !inThisRun || inThisRun.includes(nameOf(file)))
}

/** Runs each file in a process of its own, which has that many minutes. */
async function javascript(where, executable, files, env, minutes = 6) {
  for (const file of files) {
    const options = {
      env: { ...env, HYPERDHT_LONG: long ? '1' : '' },
      count: countBrittle,
      timeout: MINUTES * minutes
    }
    await tests(`${file} (${where})`, executable, [file], options)
  }
}

/** A step that counts as one test. */
async function check(name, command, args, env) {
  say(name)
  const { code } = await capture(command, args, { env, timeout: MINUTES * 20 })
  record(name, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 })
}

/**
 * A step that tells how many of its tests passed; at least one failed when its exit code says so.
 */
async function tests(name, command, args, { env, count, timeout }) {
  say(name)
  const { code, output, timedOut } = await capture(command, args, { env, timeout })
  const { passed, failed } = count(output)
  if (timedOut) say(`${name}: stopped, it ran for more than ${timeout / MINUTES} minutes`)
  record(name, { passed, failed: code === 0 ? failed : Math.max(1, failed) })
}

function record(name, { passed, failed }) {
  totals.passed += passed
  totals.failed += failed
  if (failed > 0) totals.failures.push(name)
}

function countCargo(output) {
  const counts = { passed: 0, failed: 0 }
  for (const match of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed/gm)) {
    counts.passed += Number(match[1])
    counts.failed += Number(match[2])
  }
  return counts
}

/** A file without a summary ended early: its exit code tells the result. */
function countBrittle(output) {
  const match = /^# tests = (\d+)\/(\d+) pass/m.exec(output)
  if (!match) return { passed: 0, failed: 1 }
  return { passed: Number(match[1]), failed: Number(match[2]) - Number(match[1]) }
}

function countSoak(output) {
  const match = /^(\d+) passed, (\d+) failed$/m.exec(output)
  return match ? { passed: Number(match[1]), failed: Number(match[2]) } : { passed: 0, failed: 1 }
}

function report() {
  for (const name of totals.failures) say('Failed: ' + name)
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`)
  process.exitCode = totals.failed > 0 ? 1 : 0
}
