// Bulk beside other secure transports on the same machine.
//
//   node bench/rivals.js [--runs 5] [--quick] [--mib 256] [side ...]
//
// A side is native:native, reference:reference, or a rival: tls-chacha20, tls-aes, quinn-chacha20,
// quinn-aes, iroh. Those in Rust are crates of their own, outside the workspace:
//
//   cargo build --release --manifest-path bench/rivals/quinn/Cargo.toml --target-dir bench/rivals/target
//   cargo build --release --manifest-path bench/rivals/iroh/Cargo.toml --target-dir bench/rivals/target

const { spawn } = require('child_process')
const fs = require('fs')
const path = require('path')
const readline = require('readline')
const { LIMIT } = require('./suite/program')
const transfer = require('./suite/transfer')

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const BUILT = path.join(__dirname, 'rivals/target/release')
const TLS = [process.execPath, path.join(__dirname, 'rivals/tls.js')]
const OURS = ['native:native', 'reference:reference']

/** The command of each rival's two programs, and the arguments that both take. */
const RIVALS = {
  'tls-chacha20': { command: TLS, args: ['chacha20'] },
  'tls-aes': { command: TLS, args: ['aes'] },
  'quinn-chacha20': { crate: 'quinn', command: [program('quinn')], args: ['chacha20'] },
  'quinn-aes': { crate: 'quinn', command: [program('quinn')], args: ['aes'] },
  iroh: { crate: 'iroh', command: [program('iroh')], args: [] }
}

const bench = {
  name: 'rivals',
  title: 'Bulk beside others',
  sidesTitle: 'sender : receiver',
  about:
    'One connection, writes of 64 KiB, without a warm-up, and the ratio to this package in the same run. The rivals ' +
    'are Node’s TLS 1.3 over TCP, quinn, and iroh without its relays; quinn and iroh are programs in ' +
    'Rust with one thread for each end and windows of 8 MiB. CPU is in seconds per GiB.',
  defaults: { mib: 256 },
  quick: { mib: 32 },
  figures: [
    ['rate', 'MB/s', 0],
    ['clientCpu', 'CPU sender', 2],
    ['serverCpu', 'CPU receiver', 2]
  ],
  ready() {
    return ['quinn', 'iroh']
      .filter(crate => !fs.existsSync(program(crate)))
      .map(crate => {
        const flags = `--manifest-path bench/rivals/${crate}/Cargo.toml --target-dir bench/rivals/target`
        const remedy = `cargo build --release --locked ${flags}`
        return { missing: `${crate} is not built`, remedy, needed: false }
      })
  },
  everySide: [...OURS, ...Object.keys(RIVALS)],
  cases({ mib }) {
    const there = Object.keys(RIVALS).filter(name => fs.existsSync(RIVALS[name].command[0]))
    return [
      {
        sides: [...OURS, ...there],
        base: 'native:native',
        rows: ['writes of 64 KiB'],
        measure: async (side, context) => ({
          'writes of 64 KiB': await (OURS.includes(side)
            ? transfer(side, mib * MIB, {}, context)
            : measure(RIVALS[side], mib * MIB))
        })
      }
    ]
  }
}

/** Each program prints lines of JSON: the server first what the client needs. */
async function measure(rival, bytes) {
  if (!rival) throw new Error(`a rival is one of ${Object.keys(RIVALS).join(', ')}`)
  const { command, args } = rival
  const server = start([...command, 'server', ...args, bytes])
  const { port, ...secret } = await server.line()
  const client = start([...command, 'client', ...args, bytes, port, ...Object.values(secret)])
  const [received, sent] = await Promise.all([server.line(), client.line()])
  for (const each of [client, server]) each.end()
  return {
    rate: bytes / 1e6 / received.seconds,
    clientCpu: (sent.cpu * GIB) / bytes,
    serverCpu: (received.cpu * GIB) / bytes
  }
}

function start([file, ...args]) {
  const stdio = ['ignore', 'pipe', 'inherit']
  const child = spawn(file, args.map(String), { stdio, timeout: LIMIT, killSignal: 'SIGKILL' })
  const lines = readline.createInterface(child.stdout)[Symbol.asyncIterator]()
  return { line, end: () => child.kill('SIGKILL') }

  async function line() {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${path.basename(file)} ended before it reported`)
    return JSON.parse(value)
  }
}

function program(crate) {
  return path.join(BUILT, `rival-${crate}`)
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
