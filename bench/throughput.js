// Bulk throughput of one connection, each end and the DHT nodes in processes of their own.
//
//   node bench/throughput.js [--mib 1024] [--runs 5] [--chunk 65536] [pair ...]
//
// A pair is sender:receiver of 'native' and 'reference'; by default native:native and
// reference:reference. The pairs take turns, so that a noisy machine disturbs all alike.

const Peer = require('./peer')

const DEFAULT_PAIRS = ['native:native', 'reference:reference']
const MIB = 1024 * 1024
const GIB = 1024 * MIB

async function main() {
  const { mib, runs, chunk, pairs } = parseArguments(process.argv.slice(2))
  const results = new Map(pairs.map(pair => [pair, []]))
  console.log(`${mib} MiB in writes of ${chunk} bytes, ${runs} interleaved runs\n`)
  console.log('pair                        MB/s   CPU-s/GiB sender   CPU-s/GiB receiver')

  for (let i = 0; i < runs; i++) {
    for (const pair of pairs) {
      const result = await measure(pair, mib * MIB, chunk)
      results.get(pair).push(result)
      print(pair, result)
    }
  }

  console.log('\nmedians')
  const medians = new Map([...results].map(([pair, list]) => [pair, median(list)]))
  for (const [pair, result] of medians) print(pair, result)
  printRatios(medians)
}

/** One transfer in fresh processes. */
async function measure(pair, bytes, chunk) {
  const [sender, receiver] = pair.split(':')
  const nodes = new Peer('nodes', 'reference')
  const { bootstrap } = await nodes.message()
  const server = new Peer('receiver', receiver, { bootstrap, bytes })
  const { key } = await server.message()
  const client = new Peer('sender', sender, { bootstrap, bytes, chunk, key })

  const [received, sent] = await Promise.all([server.message(), client.message()])
  for (const peer of [client, server, nodes]) await peer.end()

  return {
    rate: bytes / 1e6 / received.seconds,
    sender: (sent.cpu * GIB) / bytes,
    receiver: (received.cpu * GIB) / bytes
  }
}

function parseArguments(args) {
  const options = { mib: 1024, runs: 5, chunk: 64 * 1024, pairs: [] }
  while (args.length > 0) {
    const arg = args.shift()
    if (!arg.startsWith('--')) options.pairs.push(arg)
    else options[arg.slice(2)] = Number(args.shift())
  }
  if (options.pairs.length === 0) options.pairs = DEFAULT_PAIRS
  return options
}

function median(list) {
  const middle = key => list.map(result => result[key]).sort((a, b) => a - b)[list.length >> 1]
  return { rate: middle('rate'), sender: middle('sender'), receiver: middle('receiver') }
}

function print(pair, { rate, sender, receiver }) {
  const columns = [rate.toFixed(2).padStart(7), sender.toFixed(2).padStart(18)]
  console.log(pair.padEnd(25) + columns.join(' ') + receiver.toFixed(2).padStart(21))
}

function printRatios(medians) {
  const base = medians.get('reference:reference')
  if (!base || medians.size === 1) return
  console.log('\nratios to reference:reference')
  for (const [pair, result] of medians) {
    if (result === base) continue
    print(pair, {
      rate: result.rate / base.rate,
      sender: result.sender / base.sender,
      receiver: result.receiver / base.receiver
    })
  }
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
