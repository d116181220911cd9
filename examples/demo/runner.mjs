// Supplies the `Pear` global to an app, and nothing else: runner.mjs <app> <bootstrap json> [args...]

import process from 'bare-process'

const [app, bootstrap, ...args] = process.argv.slice(2)
const teardowns = []

globalThis.Pear = {
  config: { args, dht: { bootstrap: JSON.parse(bootstrap) } },
  teardown(fn) {
    teardowns.push(fn)
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, leave)

await import(app)

async function leave() {
  for (const fn of teardowns) await fn()
  process.exit(0)
}
