// The round-trip time of a message, and the duration of a connect. Each end and the DHT nodes have
// processes of their own.
//
//   node bench/latency.js [--rounds 20000] [--connects 300] [--runs 5] [implementation ...]
//
// An implementation is 'native' or 'reference', for both ends; by default both in turn.

const Peer = require('./peer')

const MEASURES = {
  'ping-pong 64 B': { role: 'pinger', rounds: 20000, warmup: 2000, size: 64 },
  'sequential connect': { role: 'dialer', rounds: 300, warmup: 30 }
}

async function main() {
  const { runs, implementations } = parseArguments(process.argv.slice(2))
  const results = new Map()
  console.log(`${runs} interleaved runs, microseconds\n`)
  console.log('measure               implementation       p50       p99   CPU client')

  for (let i = 0; i < runs; i++) {
    for (const name of Object.keys(MEASURES)) {
      for (const implementation of implementations) {
        const key = `${name.padEnd(21)} ${implementation}`
        const result = await measure(implementation, MEASURES[name])
        results.set(key, [...(results.get(key) || []), result])
        print(key, result)
      }
    }
  }

  console.log('\nmedians')
  for (const [key, list] of results) print(key, median(list))
}

async function measure(implementation, options) {
  const nodes = new Peer('nodes', 'reference')
  const { bootstrap } = await nodes.message()
  const server = new Peer('echo', implementation, { bootstrap })
  const { key } = await server.message()
  const client = new Peer(options.role, implementation, { ...options, bootstrap, key })

  const { times, cpu } = await client.message()
  for (const peer of [client, server, nodes]) await peer.end()
  times.sort((a, b) => a - b)
  const quantile = part => times[Math.floor(times.length * part)]
  return { p50: quantile(0.5), p99: quantile(0.99), cpu }
}

function parseArguments(args) {
  const options = { runs: 5, implementations: [] }
  while (args.length > 0) {
    const arg = args.shift()
    if (arg === '--runs') options.runs = Number(args.shift())
    else if (arg === '--rounds') MEASURES['ping-pong 64 B'].rounds = Number(args.shift())
    else if (arg === '--connects') MEASURES['sequential connect'].rounds = Number(args.shift())
    else options.implementations.push(arg)
  }
  if (options.implementations.length === 0) options.implementations = ['native', 'reference']
  return options
}

function median(list) {
  const middle = key => list.map(result => result[key]).sort((a, b) => a - b)[list.length >> 1]
  return { p50: middle('p50'), p99: middle('p99'), cpu: middle('cpu') }
}

function print(key, { p50, p99, cpu }) {
  const columns = [p50, p99, cpu].map(us => us.toFixed(0).padStart(9))
  console.log(key.padEnd(34) + columns.join(' '))
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
