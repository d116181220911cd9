// How late the timers of a program are while its connections are busy.
//
//   node bench/event-loop.js [--runs 5] [--seconds 5] [--size 1024] [--runtime node]
//                            [--direction writing] [--connections 1] [implementation ...]
//
// The runtime is 'node' or 'bare', the direction 'writing' or 'reading'; 'all' takes both, and for
// connections it takes 1 and 50. An implementation is 'native' or 'reference', for both ends; by
// default both in turn. The measured program is the client. The server and the DHT nodes are
// processes of their own, in Node.

const { execFile } = require('child_process')
const path = require('path')
const { promisify } = require('util')
const Peer = require('./peer')
const { middle, options } = require('./figures')

const CHOICES = {
  runtime: ['node', 'bare'],
  direction: ['writing', 'reading'],
  connections: [1, 50]
}

async function main() {
  const settings = options({
    runs: 5,
    seconds: 5,
    size: 1024,
    runtime: 'node',
    direction: 'writing',
    connections: '1'
  })
  const { runs, seconds, size, names } = settings
  console.log(`${runs} interleaved runs of ${seconds} s, messages of ${size} bytes\n`)
  console.log('case                        implementation  p50 ms  p99 ms  max ms    MB/s')

  for (const runtime of chosen(settings, 'runtime')) {
    for (const direction of chosen(settings, 'direction')) {
      for (const connections of chosen(settings, 'connections')) {
        await compare(names, { runs, seconds, size, runtime, direction, connections })
      }
    }
  }
}

/** The runs of one case, and their medians. */
async function compare(names, { runs, ...load }) {
  const title = `${load.runtime}, ${load.direction}, ${load.connections}`
  const results = new Map(names.map(name => [name, []]))
  for (let i = 0; i < runs; i++) {
    for (const name of names) {
      const result = await measure(name, load)
      results.get(name).push(result)
      print(title, name, result)
    }
  }

  const medians = names.map(name => median(results.get(name)))
  for (const [i, name] of names.entries()) print('median', name, medians[i])
  if (names.length === 2) {
    const ratio = figure => (medians[0][figure] / medians[1][figure]).toFixed(2)
    console.log(`${'ratio'.padEnd(44)}p99 ${ratio('p99')}×, rate ${ratio('rate')}×\n`)
  }
}

/** One run in fresh processes. */
async function measure(implementation, { runtime, direction, connections, seconds, size }) {
  const nodes = new Peer('nodes', 'reference')
  const { bootstrap } = await nodes.message()
  const server = new Peer(direction === 'writing' ? 'sink' : 'source', implementation, {
    bootstrap,
    size
  })
  const { key } = await server.message()
  const load = { bootstrap, key, writes: direction === 'writing', connections, seconds, size }

  const { lateness, bytes } = await runClient(runtime, implementation, load)
  for (const peer of [server, nodes]) await peer.end()
  lateness.sort((a, b) => a - b)
  const quantile = part => lateness[Math.floor(lateness.length * part)]
  return {
    p50: quantile(0.5),
    p99: quantile(0.99),
    max: lateness.at(-1),
    rate: bytes / 1e6 / seconds
  }
}

async function runClient(runtime, implementation, load) {
  const executable = runtime === 'bare' ? require('bare-runtime')() : process.execPath
  const file = path.join(__dirname, 'event-loop-client.js')
  const { stdout } = await promisify(execFile)(executable, [file, JSON.stringify(load)], {
    env: { ...process.env, HYPERDHT_IMPL: implementation },
    maxBuffer: MAX_OUTPUT
  })
  return JSON.parse(stdout)
}

function chosen(settings, name) {
  const value = settings[name]
  if (value === 'all') return CHOICES[name]
  const choice = CHOICES[name].find(each => String(each) === value)
  if (choice === undefined) throw new Error(`--${name} must be one of ${CHOICES[name]}, or all`)
  return [choice]
}

function median(list) {
  return Object.fromEntries(Object.keys(list[0]).map(figure => [figure, middle(list, figure)]))
}

function print(title, name, { p50, p99, max, rate }) {
  const columns = [p50, p99, max, rate].map(n => n.toFixed(1).padStart(8))
  console.log(title.padEnd(28) + name.padEnd(12) + columns.join(''))
}

/** The output has a number for every timer of the run. */
const MAX_OUTPUT = 16 * 1024 * 1024

main().catch(err => {
  console.error(err)
  process.exit(1)
})
