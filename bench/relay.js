// Bulk throughput of one connection through a blind relay, each process on its own.
//
//   node bench/relay.js [--runs 5] [--quick] [--mib 128] [--warmup 16] [--chunk 65536]
//                       [relay:ends ...]
//
// A side is relay:ends, each 'native' or 'reference'; by default native:native and
// reference:reference. With native:native and reference:native the relay is what differs.

const Peer = require('./suite/peer')
const { ends: both } = require('./suite/options')

const MIB = 1024 * 1024
const GIB = 1024 * MIB

const bench = {
  name: 'relay',
  title: 'Bulk through a blind relay',
  sidesTitle: 'relay : ends',
  about:
    'Both ends refuse to punch. The relay of the reference is the npm module blind-relay. CPU is in ' +
    'seconds per GiB, that of both ends together; opening is from `connect` to ‘open’, in ' +
    'milliseconds. --warmup is what is moved before, in MiB, and does not count.',
  defaults: { mib: 128, warmup: 16, chunk: 64 * 1024 },
  quick: { mib: 16, warmup: 2 },
  figures: [
    ['rate', 'MB/s', 0],
    ['relayCpu', 'CPU relay', 2],
    ['endsCpu', 'CPU ends', 2],
    ['opening', 'opening', 1]
  ],
  cases(settings) {
    return [
      {
        sides: ['native:native', 'reference:reference'],
        base: 'reference:reference',
        rows: [`${settings.chunk} B writes`],
        measure: async (side, context) => ({
          [`${settings.chunk} B writes`]: await measure(side, settings, context)
        })
      }
    ]
  }
}

/** One transfer in fresh processes. */
async function measure(side, { mib, warmup, chunk }, context) {
  const { client: relay, server: ends } = both(side)
  const bootstrap = await context.bootstrap()
  const messages = Math.round((mib * MIB) / chunk)
  const before = Math.round((warmup * MIB) / chunk)
  const load = { bootstrap, connections: 1, size: chunk }
  const relaying = new Peer('relay', relay, { bootstrap })
  const { key: relayKey } = await relaying.message()
  const receiving = {
    apart: true,
    writes: 0,
    reads: messages,
    warmup: { writes: 0, reads: before }
  }
  const server = new Peer('bulkServer', ends, { ...load, ...receiving })
  const { key } = await server.message()
  const sending = { writes: messages, reads: 0, warmup: { writes: before, reads: 0 } }
  const client = new Peer('bulkClient', ends, { ...load, key, relay: relayKey, ...sending })
  const [, { opening }] = await Promise.all([server.message(), client.message()])

  await relaying.ask('reset')
  const [{ seconds }] = await Promise.all([server.ask('start'), client.ask('start')])
  const costs = await Promise.all([relaying, server, client].map(peer => peer.ask('stop')))
  for (const peer of [client, server, relaying]) await peer.end()

  const perGib = GIB / (messages * chunk)
  const [relayCpu, ...endsCpu] = costs.map(({ cpu }) => cpu * perGib)
  return {
    rate: (messages * chunk) / 1e6 / seconds,
    relayCpu,
    endsCpu: endsCpu[0] + endsCpu[1],
    opening
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
