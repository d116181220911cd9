// The round-trip time of a message: sent, echoed, and then the next one.
//
//   node bench/latency.js [--runs 5] [--quick] [--rounds 5000] [--size 64] [client:server ...]

const Peer = require('./suite/peer')
const { ends } = require('./suite/options')
const { quantile } = require('./suite/statistics')

const bench = {
  name: 'latency',
  title: 'Ping-pong',
  about:
    'One message under way at a time. Times are in microseconds, and so is the CPU time of each ' +
    'side per round trip.',
  defaults: { rounds: 5000, warmup: 1000, size: 64 },
  quick: { rounds: 1000, warmup: 200 },
  figures: [
    ['p50', 'p50', 0],
    ['p99', 'p99', 0],
    ['clientCpu', 'CPU client', 1],
    ['serverCpu', 'CPU server', 1]
  ],
  cases(settings) {
    return [
      {
        sides: ['native', 'reference'],
        base: 'reference',
        rows: [`${settings.size} B`],
        measure: async (side, context) => ({
          [`${settings.size} B`]: await measure(side, settings, context)
        })
      }
    ]
  }
}

async function measure(side, { rounds, warmup, size }, context) {
  const bootstrap = await context.bootstrap()
  const { client, server } = ends(side)
  const echo = new Peer('echo', server, { bootstrap })
  const { key } = await echo.message()
  const pinger = new Peer('pinger', client, { bootstrap, key, rounds, warmup, size })
  await pinger.message()

  await echo.ask({})
  const { times, cpu } = await pinger.ask({})
  const served = await echo.ask({})
  for (const peer of [pinger, echo]) await peer.end()
  times.sort((a, b) => a - b)
  return {
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    clientCpu: (cpu * 1e6) / rounds,
    serverCpu: (served.cpu * 1e6) / rounds
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
