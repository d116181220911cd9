// The cost of a network: starting its nodes, queries, and storing values.
//
//   node bench/dht.js [--runs 5] [--quick] [--size 100] [--queries 300] [--puts 150]
//                     [--parallel 8] [--query findNode] [--store immutablePut] [native] [reference]
//
// With `--store announce` the values are announcements.

const Peer = require('./suite/peer')
const { implementation } = require('./suite/options')
const { quantile } = require('./suite/statistics')

const bench = {
  name: 'dht',
  title: 'A network: starting it, asking it, storing in it',
  sidesTitle: 'implementation',
  about:
    'All nodes are of one implementation and run in one process, the querying node in another. CPU ' +
    'is in milliseconds, of both processes, per node, query or put; memory is what the process of ' +
    'the nodes grew by, in KiB per node; p50 is in milliseconds.',
  defaults: {
    size: 100,
    queries: 300,
    puts: 150,
    parallel: 8,
    query: 'findNode',
    store: 'immutablePut'
  },
  quick: { size: 30, queries: 50, puts: 40 },
  figures: [
    ['rate', 'per s', 0],
    ['p50', 'p50', 2],
    ['cpu', 'CPU, all ends', 2],
    ['clientCpu', 'CPU, asking end', 2],
    ['memory', 'memory', 0]
  ],
  cases(settings) {
    return [
      {
        sides: ['native', 'reference'],
        base: 'reference',
        rows: rows(settings),
        measure: side => measure(implementation(side), settings)
      }
    ]
  }
}

function rows({ size, query, store, parallel }) {
  return [`a network of ${size}`, query, `${parallel} × ${store} at once`]
}

async function measure(side, settings) {
  const { size } = settings
  const [starting, asking, storing] = rows(settings)
  const nodes = new Peer('testnet', side, { size })
  const { bootstrap, cpu, bytes } = await nodes.message()
  const network = { side, bootstrap, nodes }
  const measured = {
    [starting]: { cpu: (cpu * 1e3) / size, memory: bytes / 1024 / size },
    [asking]: await queries(network, settings),
    [storing]: await puts(network, settings)
  }
  await nodes.end()
  return measured
}

async function queries({ side, bootstrap, nodes }, { queries: rounds, query }) {
  const client = new Peer('querier', side, { bootstrap, query, rounds, warmup: 30 })
  await client.message()
  await nodes.ask({})
  const { times, cpu } = await client.ask({})
  const { cpu: others } = await nodes.ask({})
  await client.end()
  times.sort((a, b) => a - b)
  return {
    p50: quantile(times, 0.5) / 1e3,
    cpu: ((cpu + others) * 1e3) / rounds,
    clientCpu: (cpu * 1e3) / rounds
  }
}

async function puts({ side, bootstrap, nodes }, { puts: rounds, parallel, store }) {
  const work = { bootstrap, store, rounds, parallel, warmup: 2 * parallel }
  const client = new Peer('putter', side, work)
  await client.message()
  await nodes.ask({})
  const { seconds, cpu } = await client.ask({})
  const { cpu: others } = await nodes.ask({})
  await client.end()
  return {
    rate: rounds / seconds,
    cpu: ((cpu + others) * 1e3) / rounds,
    clientCpu: (cpu * 1e3) / rounds
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
