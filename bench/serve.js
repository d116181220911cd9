// How many requests one node answers per second of its CPU time, and per second of the clock.
//
//   node bench/serve.js [--runs 5] [--quick] [--seconds 1] [--window 64] [--sockets 16] [native]
//                       [reference]
//
// --window is the number of requests in flight, of all sockets together. Each request is measured
// from one socket as well. A program of its own, bench/load (`cargo build --release -p hyperdht-load`), sends the requests.
// With two processors or more, taskset gives the node and the program one each.

const os = require('os')
const Peer = require('./suite/peer')
const { implementation } = require('./suite/options')
const { printed } = require('./suite/program')
const { built, program } = require('./suite/ready')

const COMMANDS = { PING: 'ping', FIND_NODE: 'find-node', FIND_PEER: 'find-peer', LOOKUP: 'lookup' }
const OTHERS = 30
const CLOSER = 20
const PEERS = 4
const RELAYS = 3

const bench = {
  name: 'serve',
  title: 'One node of the DHT, asked as much as it answers',
  sidesTitle: 'implementation',
  about:
    'A program in Rust (bench/load, no part of the package) keeps --window requests in flight, from ' +
    '--sockets sockets and from one: this package sends answers to one asker together, so that the ' +
    'rows of one socket may cost it less. The goals are judged by the rows of several. The program ' +
    'never sleeps, so that the node spends no time on waking it; taskset gives it one ' +
    'processor and the node the other. The node is in a network of 30 nodes of the reference. An ' +
    'answer carries 20 closer nodes, FIND_PEER finds a record with three relays and LOOKUP four of ' +
    'them, both with a token; the benchmark checks that. “Per core” is answers divided by the CPU ' +
    'time of the node’s process, all threads.',
  defaults: { seconds: 1, window: 64, sockets: 16 },
  quick: { seconds: 0.3 },
  figures: [
    ['perCore', 'k requests/s per core', 1],
    ['rate', 'k requests/s', 1],
    ['cpu', 'µs CPU', 2]
  ],
  ready: () => built('hyperdht-load'),
  cases(settings) {
    return [
      {
        sides: ['native', 'reference'],
        base: 'reference',
        rows: loads(settings).map(({ row }) => row),
        measure: side => measure(implementation(side), settings)
      }
    ]
  }
}

/** All commands, from many sockets and from one. */
function loads({ seconds, window, sockets }) {
  const many = { seconds, window: Math.ceil(window / sockets), sockets }
  const one = { seconds, window, sockets: 1 }
  return Object.entries(COMMANDS).flatMap(([name, command]) => [
    { row: name, command, load: many },
    { row: `${name}, one socket`, command, load: one }
  ])
}

/** All rows, at one node. */
async function measure(side, settings) {
  const node = await start(side)
  const rows = {}
  for (const { row, command, load } of loads(settings)) rows[row] = await ask(node, command, load)
  for (const peer of node.peers) await peer.end()
  return rows
}

/** A node in a network. It stores records for the requests. */
async function start(side) {
  const others = new Peer('testnet', 'reference', { size: OTHERS })
  const { bootstrap } = await others.message()
  const served = new Peer('served', side, { bootstrap, cpus: cpu(0) })
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

async function ask(node, command, { seconds, window, sockets }) {
  const target = { 'find-peer': node.key, lookup: node.topic }[command]
  const args = [`127.0.0.1:${node.port}`, command, '--window', window, '--sockets', sockets]
  if (target) args.push('--target', target)

  await requests([...args, '--seconds', seconds / 4])
  await node.served.ask({})
  const report = await requests([...args, '--seconds', seconds])
  const { cpu: used } = await node.served.ask({})
  check(command, report)
  return {
    perCore: report.responses / used / 1e3,
    rate: report.responses / report.seconds / 1e3,
    cpu: (used * 1e6) / report.responses
  }
}

/** Throws if an answer is incomplete: both implementations have to do the same work. */
function check(command, { closerNodes, value, token }) {
  const finds = command === 'find-peer' || command === 'lookup'
  const fine = closerNodes === (command === 'ping' ? 0 : CLOSER) && token === finds
  if (!fine || value > 0 !== finds) throw new Error(`an answer to ${command} is not whole`)
}

function requests(args) {
  const pin = cpu(1)
  const pinned = pin === null ? [] : ['taskset', '-c', pin]
  return printed([...pinned, program('hyperdht-load'), ...args])
}

function cpu(n) {
  return os.cpus().length > 1 && process.platform === 'linux' ? String(n) : null
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
