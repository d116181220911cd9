// Supplies the `Pear` global to an app, and nothing else: runner.mjs <app> <bootstrap json> [args...]

import process from 'bare-process'

const [app, bootstrap, ...args] = process.argv.slice(2)
const teardowns = []
let leaving = false

globalThis.Pear = {
  config: { args, dht: { bootstrap: JSON.parse(bootstrap) } },
  teardown(fn) {
    teardowns.push(fn)
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, leave)

await import(app)

// The terminal and the demo both send the signal.
async function leave() {
  if (leaving) return
  leaving = true
  for (const fn of teardowns) await fn()
  process.exit(0)
}
