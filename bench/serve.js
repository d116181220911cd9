// How many requests one node answers per second of its CPU time, and per second of the clock.
//
//   node bench/serve.js [--runs 5] [--seconds 2] [--window 64] [--sockets 1] [implementation ...]
//
// An implementation is 'native' or 'reference', for the node that is measured; by default both in
// turn. A program of its own, bench/load (`cargo build --release -p hyperdht-load`), sends the
// requests. The node is in a network of 30 other nodes of the reference, so that its answers carry
// 20 closer nodes. With two processors or more, taskset gives the node and the program one each.

const { execFile } = require('child_process')
const os = require('os')
const path = require('path')
const Peer = require('./peer')
const { middle, options } = require('./figures')

const COMMANDS = ['ping', 'find-node', 'find-peer', 'lookup']
const OTHERS = 30
const CLOSER = 20
const PEERS = 4
const RELAYS = 3

async function main() {
  const { runs, seconds, window, sockets, load, names } = parseArguments()
  const results = new Map()
  console.log(
    `${runs} interleaved runs of ${seconds} s, ${sockets} × ${window} requests in flight\n`
  )
  console.log('command     implementation   per CPU-s     per s   µs CPU   bytes')

  for (let i = 0; i < runs; i++) {
    for (const implementation of names) {
      const node = await start(implementation)
      for (const command of COMMANDS) {
        const result = await measure(node, command, { seconds, window, sockets, load })
        const key = `${command.padEnd(11)} ${implementation}`
        results.set(key, [...(results.get(key) || []), result])
        print(key, result)
      }
      for (const peer of node.peers) await peer.end()
    }
  }

  console.log('\nmedians')
  const medians = new Map([...results].map(([key, list]) => [key, median(list)]))
  for (const [key, result] of medians) print(key, result)
  printRatios(medians, names)
}

/** A node in a network. It stores records for the requests. */
async function start(implementation) {
  const others = new Peer('testnet', 'reference', { size: OTHERS })
  const { bootstrap } = await others.message()
  const served = new Peer('served', implementation, { bootstrap, cpus: cpu(0) })
  const { port } = await served.message()
  const announcer = new Peer('announcer', 'reference', {
    bootstrap,
    port,
    peers: PEERS,
    relays: RELAYS
  })
  const { topic, key } = await announcer.message()
  await announcer.end()
  return { peers: [served, others], served, port, topic, key }
}

async function measure(node, command, options) {
  const target = { 'find-peer': node.key, lookup: node.topic }[command]
  const args = [`127.0.0.1:${node.port}`, command]
  if (target) args.push('--target', target)
  for (const name of ['window', 'sockets']) args.push(`--${name}`, options[name])

  await run(options.load, [...args, '--seconds', 0.5])
  await node.served.ask({})
  const report = await run(options.load, [...args, '--seconds', options.seconds])
  const { cpu: used } = await node.served.ask({})
  check(command, report)
  const { responses, seconds, lost, bytes } = report
  if (lost > 0) console.log(`(${lost} requests were lost)`)
  return {
    perCpu: responses / used,
    rate: responses / seconds,
    cpu: (used * 1e6) / responses,
    bytes
  }
}

/** Throws if an answer is incomplete: both implementations have to do the same work. */
function check(command, { closerNodes, value, token }) {
  const finds = command === 'find-peer' || command === 'lookup'
  const fine = closerNodes === (command === 'ping' ? 0 : CLOSER) && token === finds
  if (!fine || value > 0 !== finds) throw new Error(`an answer to ${command} is not whole`)
}

function run(load, args) {
  const pin = cpu(1)
  const [file, ...rest] = [...(pin === null ? [] : ['taskset', '-c', pin]), load, ...args]
  return new Promise((resolve, reject) => {
    execFile(file, rest.map(String), (err, stdout) =>
      err ? reject(err) : resolve(JSON.parse(stdout))
    )
  })
}

function cpu(n) {
  return os.cpus().length > 1 && process.platform === 'linux' ? String(n) : null
}

function parseArguments() {
  const target = process.env.CARGO_TARGET_DIR || path.join(__dirname, '..', 'target')
  const load = path.join(target, 'release', 'hyperdht-load')
  return options({ runs: 5, seconds: 2, window: 64, sockets: 1, load })
}

function median(list) {
  return Object.fromEntries(Object.keys(list[0]).map(name => [name, middle(list, name)]))
}

function print(key, { perCpu, rate, cpu: us, bytes }) {
  const columns = [perCpu.toFixed(0).padStart(9), rate.toFixed(0).padStart(9)]
  columns.push(us.toFixed(2).padStart(8), String(bytes).padStart(7))
  console.log(key.padEnd(29) + columns.join(' '))
}

function printRatios(medians, names) {
  if (names.length < 2) return
  console.log('\nrequests per CPU-s, ratio to the reference')
  for (const command of COMMANDS) {
    const of = name => medians.get(`${command.padEnd(11)} ${name}`).perCpu
    console.log(`${command.padEnd(11)} ${(of('native') / of('reference')).toFixed(2)}×`)
  }
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
