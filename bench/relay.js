// Bulk throughput of one connection through a blind relay, each process on its own.
//
//   node bench/relay.js [--mib 256] [--runs 3] [--chunk 65536] [relay:ends ...]
//
// A cell is relay:ends, each 'native' or 'reference'; by default native:native and
// reference:native, so that the relay is what differs. With 'none' for the relay the ends talk
// directly. The cells take turns. CPU time is seconds per GiB, of the relay and of both ends
// together; opening is from connect to 'open'.

const Peer = require('./peer')

const DEFAULT_CELLS = ['native:native', 'reference:native']
const MIB = 1024 * 1024
const GIB = 1024 * MIB

async function main() {
  const { mib, runs, chunk, cells } = parseArguments(process.argv.slice(2))
  const results = new Map(cells.map(cell => [cell, []]))
  console.log(`${mib} MiB in writes of ${chunk} bytes, ${runs} interleaved runs\n`)
  console.log('relay:ends                  MB/s   CPU-s/GiB relay   CPU-s/GiB ends   opening ms')

  for (let i = 0; i < runs; i++) {
    for (const cell of cells) {
      const result = await measure(cell, mib * MIB, chunk)
      results.get(cell).push(result)
      print(cell, result)
    }
  }

  console.log('\nmedians')
  for (const [cell, list] of results) print(cell, median(list))
}

/** One transfer in fresh processes. */
async function measure(cell, bytes, chunk) {
  const [relay, ends] = cell.split(':')
  const nodes = new Peer('nodes', 'reference')
  const { bootstrap } = await nodes.message()
  const relaying = relay === 'none' ? null : new Peer('relay', relay, { bootstrap })
  const relayKey = relaying && (await relaying.message()).key
  const apart = relaying !== null
  const server = new Peer('receiver', ends, { bootstrap, bytes, apart })
  const { key } = await server.message()
  if (relaying) await relaying.ask('reset')
  const client = new Peer('sender', ends, { bootstrap, bytes, chunk, key, relay: relayKey })

  const [received, sent] = await Promise.all([server.message(), client.message()])
  const { cpu } = relaying ? await relaying.ask('cpu') : { cpu: 0 }
  for (const peer of [client, server, relaying, nodes]) await peer?.end()

  const perGib = seconds => (seconds * GIB) / bytes
  const rate = bytes / 1e6 / received.seconds
  const endsCpu = perGib(sent.cpu + received.cpu)
  return { rate, cpu: perGib(cpu), ends: endsCpu, opening: sent.opening }
}

function parseArguments(args) {
  const options = { mib: 256, runs: 3, chunk: 64 * 1024, cells: [] }
  while (args.length > 0) {
    const arg = args.shift()
    if (!arg.startsWith('--')) options.cells.push(arg)
    else options[arg.slice(2)] = Number(args.shift())
  }
  if (options.cells.length === 0) options.cells = DEFAULT_CELLS
  return options
}

function median(list) {
  const middle = key => list.map(result => result[key]).sort((a, b) => a - b)[list.length >> 1]
  const [rate, cpu, ends, opening] = ['rate', 'cpu', 'ends', 'opening'].map(middle)
  return { rate, cpu, ends, opening }
}

function print(cell, { rate, cpu, ends, opening }) {
  const columns = [rate.toFixed(2).padStart(7), cpu.toFixed(2).padStart(17)]
  columns.push(ends.toFixed(2).padStart(16), opening.toFixed(1).padStart(12))
  console.log(cell.padEnd(25) + columns.join(' '))
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
