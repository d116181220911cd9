// Bulk throughput: sizes of writes, directions, and numbers of connections.
//
//   node bench/throughput.js [--runs 5] [--quick] [--mib 256] [--warmup 16] [--only TEXT]
//                            [client:server ...]
//
// A side is client:server, each 'native' or 'reference'. --only takes the rows whose name contains
// the text, as '64 KiB' or '50 connections'.

const transfer = require('./suite/transfer')

const KIB = 1024
const MIB = KIB * KIB

const SAME = ['native:native', 'reference:reference']
const MIXED = ['native:native', 'native:reference', 'reference:native', 'reference:reference']

/** With a `share` a row moves that part of --mib and --warmup, because it moves it more slowly. */
const ROWS = [
  { row: 'writes of 64 KiB', sides: MIXED },
  { row: 'writes of 1 KiB', size: KIB, share: 0.5 },
  { row: 'writes of 200 B', size: 200, share: 0.2 },
  { row: 'writes of 16 B', size: 16, share: 0.04 },
  { row: '64 KiB, the server writes', direction: 'down', share: 0.5 },
  { row: '64 KiB, both write', direction: 'both', share: 0.25 },
  { row: '64 KiB, 50 connections', connections: 50, share: 0.5 },
  { row: '64 KiB, 500 connections', connections: 500, share: 0.5 }
]

const bench = {
  name: 'throughput',
  title: 'Bulk',
  about:
    'One process of each side; the client writes to the server unless the row says otherwise, with ' +
    'back-pressure. --warmup is what it moves before, in MiB, and does not count. Rates are of both directions together. CPU is in seconds per GiB, memory is the ' +
    'most that the process had, late is the 99th percentile of the lateness of timers of 5 ms, in ' +
    'milliseconds.',
  defaults: { mib: 256, warmup: 16, only: '' },
  quick: { mib: 32, warmup: 4 },
  figures: [
    ['rate', 'MB/s', 0],
    ['messages', 'k messages/s', 1],
    ['clientCpu', 'CPU client', 2],
    ['serverCpu', 'CPU server', 2],
    ['clientMemory', 'MiB client', 0],
    ['serverMemory', 'MiB server', 0],
    ['clientLate', 'late client', 1],
    ['serverLate', 'late server', 1]
  ],
  cases({ mib, warmup, only }) {
    return ROWS.filter(({ row }) => row.includes(only)).map(({ row, sides = SAME, ...load }) => ({
      sides,
      base: 'reference:reference',
      rows: [row],
      measure: async (side, context) => ({
        [row]: await transfer(side, mib * MIB, { ...load, warmup: warmup * MIB }, context)
      })
    }))
  }
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
