// The measured programs of startup.js, on an implementation or 'none': 'start' makes the first
// objects and ends, 'idle' has a node that does nothing.

const PACKAGES = { native: '../..', reference: 'hyperdht-reference' }
const TASKS = { start, idle }

/** Milliseconds, so that what the start has left behind can go. */
const PAUSE = 20

main(process.env.HYPERDHT_IMPL, ...process.argv.slice(2))

async function main(implementation, task, bootstrap) {
  const options = { bootstrap: JSON.parse(bootstrap), host: '127.0.0.1' }
  console.log(JSON.stringify(await TASKS[task](PACKAGES[implementation], options)))
  process.exit()
}

/** The milliseconds until the package is loaded, and until there is one object of each kind. */
function start(name, options) {
  const since = process.hrtime.bigint()
  const DHT = require(name)
  const loaded = milliseconds(since)
  const dht = new DHT(options)
  dht.createServer()
  dht.connect(Buffer.alloc(32, 1)).on('error', () => {})
  return { loaded, ready: milliseconds(since) }
}

async function idle(name, options) {
  const DHT = name ? require(name) : null
  if (DHT) await new DHT(options).fullyBootstrapped()
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setTimeout(resolve, PAUSE))
    global.gc()
  }
  return { memory: process.memoryUsage.rss() }
}

function milliseconds(since) {
  return Number(process.hrtime.bigint() - since) / 1e6
}
