// Connections that are opened and closed: many at once, and one after another.
//
//   node bench/connect.js [--runs 5] [--quick] [--parallel 32] [--rounds 320] [--sequential 100]
//                         [client:server ...]

const Peer = require('./suite/peer')
const { ends } = require('./suite/options')
const { quantile } = require('./suite/statistics')

const bench = {
  name: 'connect',
  title: 'Connects',
  about:
    'Both ends on open addresses, found through four nodes of the reference. Times are from ' +
    '`connect` to ‘open’, in milliseconds, and so is the CPU time of each side per connection, ' +
    'closing included.',
  defaults: { parallel: 32, rounds: 320, sequential: 100 },
  quick: { rounds: 96, sequential: 30 },
  figures: [
    ['rate', 'connects/s', 0],
    ['p50', 'p50', 2],
    ['p99', 'p99', 2],
    ['clientCpu', 'CPU client', 2],
    ['serverCpu', 'CPU server', 2]
  ],
  cases({ parallel, rounds, sequential }) {
    const loads = {
      [`${parallel} at once`]: { parallel, rounds, warmup: parallel },
      'one after another': { parallel: 1, rounds: sequential, warmup: 10 }
    }
    return Object.entries(loads).map(([row, load]) => ({
      sides: ['native', 'reference'],
      base: 'reference',
      rows: [row],
      measure: async (side, context) => ({ [row]: await measure(side, load, context) })
    }))
  }
}

async function measure(side, load, context) {
  const bootstrap = await context.bootstrap()
  const { client, server } = ends(side)
  const accepter = new Peer('accepter', server, { bootstrap })
  const { key } = await accepter.message()
  const dialer = new Peer('dialer', client, { bootstrap, key, ...load })
  await dialer.message()

  await accepter.ask({})
  const { times, seconds, cpu } = await dialer.ask({})
  const served = await accepter.ask({})
  for (const peer of [dialer, accepter]) await peer.end()
  times.sort((a, b) => a - b)
  return {
    rate: load.rounds / seconds,
    p50: quantile(times, 0.5) / 1e3,
    p99: quantile(times, 0.99) / 1e3,
    clientCpu: (cpu * 1e3) / load.rounds,
    serverCpu: (served.cpu * 1e3) / load.rounds
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
