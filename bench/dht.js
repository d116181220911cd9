// The cost of a network: starting its nodes, queries, and storing values.
//
//   node bench/dht.js [--runs 5] [--size 100] [--large 500] [--queries 500] [--puts 200]
//                     [--parallel 8] [--query findNode] [--store immutablePut] [implementation ...]
//
// An implementation is 'native' or 'reference', for all nodes; by default both in turn. The nodes
// of the network run in one process, and the querying node in another: CPU time is that of both,
// memory that of the first.

const Peer = require('./peer')
const { middle, options } = require('./figures')

/** Each measure gives figures by their names in `FIGURES`. */
const MEASURES = [networks, queries, puts]

const FIGURES = {
  nodeCpu: ['testnet: CPU per node', 'ms'],
  nodeMemory: ['testnet: memory per node', 'KiB'],
  largeCpu: ['large testnet: CPU per node', 'ms'],
  largeMemory: ['large testnet: memory per node', 'KiB'],
  queryCpu: ['query: CPU, all ends', 'ms'],
  queryClient: ['query: CPU, asking end', 'ms'],
  queryP50: ['query: p50', 'ms'],
  putRate: ['puts at once', 'per s'],
  putCpu: ['puts at once: CPU, all ends', 'ms']
}

async function main() {
  const settings = options({
    runs: 5,
    size: 100,
    large: 500,
    queries: 500,
    puts: 200,
    parallel: 8,
    query: 'findNode',
    store: 'immutablePut'
  })
  const { runs, names } = settings
  const results = new Map(names.map(name => [name, []]))
  console.log(`${runs} interleaved runs, ${settings.size} and ${settings.large} nodes\n`)

  for (let i = 0; i < runs; i++) {
    for (const name of names) {
      const result = {}
      for (const measure of MEASURES) Object.assign(result, await measure(name, settings))
      results.get(name).push(result)
      console.log(name.padEnd(10), oneLine(result))
    }
  }
  printMedians(results)
}

async function networks(implementation, { size, large }) {
  const small = await network(implementation, size)
  const big = large > 0 ? await network(implementation, large) : null
  for (const started of [small, big]) if (started !== null) await started.peer.end()
  return {
    nodeCpu: small.cpu / size,
    nodeMemory: small.memory / size,
    ...(big && { largeCpu: big.cpu / large, largeMemory: big.memory / large })
  }
}

async function queries(implementation, { size, queries: rounds, query }) {
  const { peer: nodes, bootstrap } = await network(implementation, size)
  const client = new Peer('querier', implementation, { bootstrap, query, rounds, warmup: 50 })
  await client.message()

  await nodes.ask({})
  const { times, cpu } = await client.ask({})
  const { cpu: others } = await nodes.ask({})
  for (const peer of [client, nodes]) await peer.end()
  times.sort((a, b) => a - b)
  return {
    queryCpu: ((cpu + others) * 1e3) / rounds,
    queryClient: (cpu * 1e3) / rounds,
    queryP50: times[times.length >> 1] / 1e3
  }
}

async function puts(implementation, { size, puts: rounds, parallel, store }) {
  const { peer: nodes, bootstrap } = await network(implementation, size)
  const work = { bootstrap, store, rounds, parallel, warmup: 2 * parallel }
  const client = new Peer('putter', implementation, work)
  await client.message()

  await nodes.ask({})
  const { seconds, cpu } = await client.ask({})
  const { cpu: others } = await nodes.ask({})
  for (const peer of [client, nodes]) await peer.end()
  return { putRate: rounds / seconds, putCpu: ((cpu + others) * 1e3) / rounds }
}

/** Starts a network in a process of its own. Returns it with its cost: milliseconds and KiB. */
async function network(implementation, size) {
  const peer = new Peer('testnet', implementation, { size })
  const { bootstrap, cpu, bytes } = await peer.message()
  return { peer, bootstrap, cpu: cpu * 1e3, memory: bytes / 1024 }
}

function oneLine(result) {
  return Object.entries(result)
    .map(([name, figure]) => `${name} ${figure.toFixed(2)}`)
    .join('  ')
}

function printMedians(results) {
  const names = [...results.keys()]
  console.log(`\n${'medians'.padEnd(42)}${names.map(name => name.padStart(12)).join('')}     ratio`)
  for (const [figure, [title, unit]] of Object.entries(FIGURES)) {
    const medians = names.map(name => middle(results.get(name), figure))
    if (medians[0] === undefined) continue
    const columns = medians.map(n => n.toFixed(2).padStart(12)).join('')
    const ratio = names.length === 2 ? `${(medians[0] / medians[1]).toFixed(2)}×`.padStart(10) : ''
    console.log(`${title}, ${unit}`.padEnd(42) + columns + ratio)
  }
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
