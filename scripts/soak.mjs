// A network that lives for a while in one process: nodes come and go, servers and clients connect,
// send, end and are destroyed at random, queries are broken off, values are put and found.
//
//   npm run soak                     15 minutes
//   npm run soak -- --minutes 5 --seed 7
//
// It fails on a wrong byte, on a connection that does not close, on a descriptor that is left, and
// when the memory of the last third is more than 2 % above the second third's. The last line is
// `N passed, N failed`.

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { fail } from './tools.mjs'
import { Crowd } from './soak/crowd.mjs'
import { Meter } from './soak/meter.mjs'

/** Loops of actions that run at once. */
const ACTORS = 8

/** The limit for the resident memory of the last third, relative to the second third. */
const MAX_GROWTH = 1.02

const MINUTE = 60_000

// V8 lets its young generation grow on its own; with a fixed size, and a collection before each
// sample, resident memory is what is held.
const V8_FLAGS = ['--expose-gc', '--max-semi-space-size=1']

if (globalThis.gc) await main(options(process.argv.slice(2)))
else process.exitCode = again()

/** Runs this script once more, with V8's flags. */
function again() {
  const args = [...V8_FLAGS, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
}

async function main({ minutes, seed }) {
  console.log(`A soak of ${minutes} minutes. Its choices come from --seed ${seed}.\n`)
  const crowd = await Crowd.start(seed)
  const meter = new Meter(minutes * MINUTE, crowd)

  await crowd.gather()
  meter.start()
  await Promise.all(Array.from({ length: ACTORS }, () => act(crowd, meter)))
  meter.stop()

  report([
    ...crowd.mistakes(await crowd.leave()),
    ...meter.mistakes(MAX_GROWTH),
    ...(await meter.leftOvers())
  ])
  await crowd.end()
}

async function act(crowd, meter) {
  while (meter.isRunning) await crowd.act()
}

function report(checks) {
  const failed = checks.filter(check => !check.ok)
  for (const { ok, text } of checks) console.log(`${ok ? 'ok    ' : 'FAILED'} ${text}`)
  console.log(`\n${checks.length - failed.length} passed, ${failed.length} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

function options(args) {
  const found = { minutes: 15, seed: randomInt(2 ** 31) }
  while (args.length > 0) {
    const name = args.shift().slice(2)
    const value = Number(args.shift())
    if (!(name in found) || !(value > 0)) fail('usage: npm run soak [-- --minutes N --seed N]')
    found[name] = value
  }
  return found
}
