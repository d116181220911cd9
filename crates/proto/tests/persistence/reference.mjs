// Runs every row of table.json on dht-rpc itself, with sockets, timers and a clock of its own:
//
//   node crates/proto/tests/persistence/reference.mjs
//
// It prints what each row came to, and fails if that is not what the table says.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Clock } from './clock.mjs'
import { Network } from './network.mjs'

const clock = new Clock()
clock.install()

const require = createRequire(import.meta.url)
const DHT = require('dht-rpc')
const rows = JSON.parse(readFileSync(new URL('table.json', import.meta.url)))

let failed = 0
for (const row of rows) {
  const came = JSON.stringify(await run(row))
  const ok = came === JSON.stringify(row.expect)
  if (!ok) failed++
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${row.name}: ${came}`)
}
console.log(`${rows.length - failed} of ${rows.length} rows are as the table says`)
process.exit(failed === 0 ? 0 : 1)

async function run(row) {
  const network = new Network(clock, row)
  const dht = new DHT({
    port: 49737,
    bootstrap: network.bootstrap(),
    udx: network.udx(),
    ...row.options
  })
  const states = []
  for (let tick = 0; tick <= (row.ticks ?? 970); tick++) {
    network.tick = tick
    // Just before the next tick: those come every 5 s from the start, or from the end of a sleep.
    const isFirst = tick === 0 || tick === row.sleep + 1
    await clock.run(isFirst ? 4900 : 5000)
    const state = dht.firewalled ? 'firewalled' : dht.ephemeral ? 'open' : 'persistent'
    if (states.at(-1)?.[1] !== state) states.push([tick, state])
    if (tick === row.sleep) clock.sleep(60_000)
  }
  dht.destroy()
  await clock.run(10_000)
  clock.clear()
  return states
}
