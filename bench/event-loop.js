// How late the timers of a program are while its connections are busy.
//
//   node bench/event-loop.js [--runs 5] [--quick] [--seconds 1] [--runtime node] [native]
//                            [reference]
//
// The runtime is 'node', 'bare' or 'all'. An implementation is for both ends. The measured program
// is the client. The server and the DHT nodes are processes of their own, in Node.

const path = require('path')
const Peer = require('./suite/peer')
const { ends } = require('./suite/options')
const { printed } = require('./suite/program')
const { quantile } = require('./suite/statistics')

const RUNTIMES = { node: ['node'], bare: ['bare'], all: ['node', 'bare'] }
const CONNECTIONS = [1, 50]

const LOADS = [
  { what: 'writes 1 KiB', writes: true, size: 1024 },
  { what: 'writes 64 KiB', writes: true, size: 64 * 1024 },
  { what: 'reads 1 KiB', writes: false, size: 1024 }
]

const bench = {
  name: 'event-loop',
  title: 'Timers while connections are busy',
  about:
    'A program writes or reads messages as fast as it can. How late its timers of 5 ms are, in ' +
    'milliseconds. With one connection a program is busy all the time, and shares the processors ' +
    'with the threads of both ends: with a system that gives long time slices, a timer in a hundred ' +
    'waits for one.',
  defaults: { seconds: 1, warmup: 0.3, runtime: 'node' },
  quick: { seconds: 0.5, warmup: 0.2 },
  figures: [
    ['p50', 'p50', 1],
    ['p99', 'p99', 1],
    ['longest', 'longest', 1],
    ['rate', 'MB/s', 0]
  ],
  cases({ runtime, ...settings }) {
    const runtimes = RUNTIMES[runtime]
    if (!runtimes) throw new Error(`--runtime must be one of ${Object.keys(RUNTIMES)}`)
    return runtimes.flatMap(each =>
      LOADS.flatMap(load =>
        CONNECTIONS.map(connections => ({
          sides: ['native', 'reference'],
          base: 'reference',
          rows: [name(each, load, connections)],
          measure: async (side, context) => ({
            [name(each, load, connections)]: await measure(
              side,
              { runtime: each, connections, ...load, ...settings },
              context
            )
          })
        }))
      )
    )
  }
}

function name(runtime, { what }, connections) {
  const where = runtime === 'node' ? '' : ' in Bare'
  return `${what}${where}, ${connections} connection${connections > 1 ? 's' : ''}`
}

/** One run in fresh processes. */
async function measure(side, { runtime, writes, size, what, ...load }, context) {
  const bootstrap = await context.bootstrap()
  const { client, server } = ends(side)
  const serving = new Peer(writes ? 'sink' : 'source', server, { bootstrap, size })
  const { key } = await serving.message()
  const { lateness, bytes } = await program(runtime, client, {
    ...load,
    bootstrap,
    key,
    writes,
    size
  })
  await serving.end()
  lateness.sort((a, b) => a - b)
  return {
    p50: quantile(lateness, 0.5),
    p99: quantile(lateness, 0.99),
    longest: lateness.at(-1),
    rate: bytes / 1e6 / load.seconds
  }
}

function program(runtime, implementation, load) {
  const executable = runtime === 'bare' ? require('bare-runtime')() : process.execPath
  const file = path.join(__dirname, 'roles/busy-program.js')
  return printed([executable, file, JSON.stringify(load)], { HYPERDHT_IMPL: implementation })
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
