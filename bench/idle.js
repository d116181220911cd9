// What a connection costs that nobody uses.
//
//   node bench/idle.js [--runs 3] [--quick] [--connections 5000] [--seconds 12] [client:server ...]

const Peer = require('./suite/peer')
const { ends } = require('./suite/options')

const bench = {
  name: 'idle',
  title: 'Idle connections',
  about:
    'Memory is what the process has grown by since its node was ready, some seconds after the last ' +
    "connect and after a garbage collection, per connection. V8's young generation is not part of the " +
    'first two columns: it grows to 32 MiB by the rate of connects, not by their number. CPU is that of keep-alives, in microseconds per connection and second.',
  most: 3,
  defaults: { connections: 5000, seconds: 12 },
  quick: { connections: 500, seconds: 2 },
  figures: [
    ['clientMemory', 'KiB client', 1],
    ['serverMemory', 'KiB server', 1],
    ['clientAll', 'with the young generation', 1],
    ['serverAll', 'with it, server', 1],
    ['clientCpu', 'CPU client', 2],
    ['serverCpu', 'CPU server', 2]
  ],
  cases(settings) {
    return [
      {
        sides: ['native', 'reference'],
        base: 'reference',
        rows: [`${settings.connections} connections`],
        measure: async (side, context) => ({
          [`${settings.connections} connections`]: await measure(side, settings, context)
        })
      }
    ]
  }
}

async function measure(side, { connections, seconds }, context) {
  const bootstrap = await context.bootstrap()
  const { client, server } = ends(side)
  const keeper = new Peer('keeper', server, { bootstrap, connections })
  const { key } = await keeper.message()
  const holder = new Peer('holder', client, { bootstrap, key, connections })
  await holder.message()

  const both = question => Promise.all([holder.ask(question), keeper.ask(question)])
  await both({})
  await new Promise(resolve => setTimeout(resolve, seconds * 1e3))
  const cost = await both({ memory: true })
  for (const peer of [holder, keeper]) await peer.end()
  return {
    clientMemory: cost[0].memory,
    serverMemory: cost[1].memory,
    clientAll: cost[0].all,
    serverAll: cost[1].all,
    clientCpu: (cost[0].cpu * 1e6) / seconds,
    serverCpu: (cost[1].cpu * 1e6) / seconds
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
