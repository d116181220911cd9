// Unordered messages of a connection, which may be lost.
//
//   node bench/unordered.js [--runs 5] [--quick] [--seconds 1.5] [--size 64] [client:server ...]

const Peer = require('./suite/peer')
const { ends } = require('./suite/options')

const bench = {
  name: 'unordered',
  title: 'Unordered messages',
  about:
    'The client keeps 192 messages under way, which a socket’s buffer holds; the server sends one ' +
    'back for each 32. CPU is in microseconds per message that came.',
  defaults: { seconds: 1.5, size: 64 },
  quick: { seconds: 0.5 },
  figures: [
    ['messages', 'k messages/s', 1],
    ['clientCpu', 'CPU client', 2],
    ['serverCpu', 'CPU server', 2],
    ['lost', 'lost, %', 2]
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

async function measure(side, { seconds, size }, context) {
  const bootstrap = await context.bootstrap()
  const { client, server } = ends(side)
  const collector = new Peer('collector', server, { bootstrap })
  const { key } = await collector.message()
  const shooter = new Peer('shooter', client, { bootstrap, key, seconds, size })
  await shooter.message()

  const sent = await shooter.ask({})
  const came = await collector.ask({})
  for (const peer of [shooter, collector]) await peer.end()
  return {
    messages: came.received / 1e3 / came.seconds,
    clientCpu: (sent.cpu * 1e6) / came.received,
    serverCpu: (came.cpu * 1e6) / came.received,
    lost: (sent.lost * 100) / (came.received + sent.lost)
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
