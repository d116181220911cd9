// The goals, and whether a run of the benchmarks meets them.

const { ratio, summary } = require('./statistics')
const { table, times } = require('./tables')

/**
 * A goal reads one figure: [benchmark, row, side, figure], as a ratio to the same figure of the
 * row's base, or in a `unit` of its own. `must` and `aim` are [relation, limit].
 *
 * @typedef {{ goal: string, of: string[], must?: Limit, aim?: Limit, unit?: string }} Goal
 * @typedef {['≥' | '≤', number]} Limit
 */
const BULK = ['throughput', 'writes of 64 KiB']

/** @type {Goal[]} */
const GOALS = [
  most('bulk, ours ↔ ours', [...BULK, 'native:native', 'rate'], 4, 5),
  least('– CPU per GiB, sending', [...BULK, 'native:native', 'clientCpu'], 0.28, 0.2),
  least('– CPU per GiB, receiving', [...BULK, 'native:native', 'serverCpu'], 0.28, 0.2),
  least('– quinn, ChaCha20, beside ours', rival('quinn-chacha20'), null, 1),
  least('– quinn, AES, beside ours', rival('quinn-aes'), null, 1),
  least('– iroh beside ours', rival('iroh'), null, 1),
  most('bulk, ours → reference', [...BULK, 'native:reference', 'rate'], 1, 1.2),
  least('– own CPU, sending', [...BULK, 'native:reference', 'clientCpu'], 0.7, 0.5),
  most('bulk, reference → ours', [...BULK, 'reference:native', 'rate'], 1, 1.2),
  least('– own CPU, receiving', [...BULK, 'reference:native', 'serverCpu'], 0.5, 0.4),
  most('50 connections, sum', throughput('64 KiB, 50 connections', 'rate'), 5, 6),
  most('1 KiB messages', throughput('writes of 1 KiB', 'messages'), 3, 4.5),
  most('16 B messages', throughput('writes of 16 B', 'messages'), 2.5, 3.5),
  least('ping-pong, p50', ['latency', '64 B', 'native', 'p50'], 1, 0.6),
  least('– CPU per round trip, client', ['latency', '64 B', 'native', 'clientCpu'], 1, 0.8),
  least('– CPU per round trip, server', ['latency', '64 B', 'native', 'serverCpu'], 1, 0.8),
  most('unordered messages', ['unordered', '64 B', 'native', 'messages'], 1.8, 2.5),
  most('connects/s, 32 at once', ['connect', '32 at once', 'native', 'rate'], 3.5, 5),
  least('connects one by one, p50', ['connect', 'one after another', 'native', 'p50'], 0.4, 0.3),
  kib('idle connection, client', ['idle', '5000 connections', 'native', 'clientMemory']),
  kib('idle connection, server', ['idle', '5000 connections', 'native', 'serverMemory']),
  ...['writes 1 KiB', 'writes 64 KiB', 'reads 1 KiB'].flatMap(load =>
    ['1 connection', '50 connections'].map(connections => late(`${load}, ${connections}`))
  ),
  least('require()', ['startup', 'one node', 'native', 'require'], 0.5, 0.25),
  least('idle memory above bare Node', ['startup', 'one node', 'native', 'memory'], 0.6, 0.4),
  most('FIND_NODE served a core', ['serve', 'FIND_NODE', 'native', 'perCore'], 2.7, 3.5),
  most('LOOKUP served a core', ['serve', 'LOOKUP', 'native', 'perCore'], 2.5, 3.2),
  most('8 puts at once', ['dht', '8 × immutablePut at once', 'native', 'rate'], 7, 10)
]

exports.GOALS = GOALS

/**
 * @param {Record<string, object>} results of the benchmarks, by name
 * @param {Goal[]} [goals]
 */
exports.judge = function judge(results, goals = GOALS) {
  return goals.map(goal => {
    const measured = found(results, goal)
    const holds = limit => limit !== null && measured !== null && within(measured.median, limit)
    return { ...goal, measured, met: holds(goal.must), aimed: holds(goal.aim) }
  })
}

exports.goalTable = function goalTable(judged) {
  return table(
    ['goal', 'must', 'aim', 'measured', ''],
    judged.map(({ goal, must, aim, measured, met, aimed, unit }) => [
      goal,
      limit(must, unit),
      limit(aim, unit),
      exports.measuredText(measured, unit),
      verdict({ must, measured, met, aimed })
    ])
  )
}

exports.measuredText = function measuredText(measured, unit) {
  if (measured === null) return 'not measured'
  const { median, min, max, count } = measured
  return number(median, unit) + (count > 1 ? ` (${number(min, unit)}–${number(max, unit)})` : '')
}

exports.limit = limit

function limit(limit, unit) {
  return limit === null ? '' : `${limit[0]} ${number(limit[1], unit)}`
}

function number(value, unit) {
  return unit ? `${value.toFixed(1)} ${unit}` : times(value)
}

function verdict({ must, measured, met, aimed }) {
  if (measured === null) return ''
  if (aimed) return must === null ? 'aim met' : 'met, and the aim'
  if (must === null) return 'aim missed'
  return met ? 'met' : '**missed**'
}

function found(results, { of: [bench, row, side, figure], unit }) {
  const result = results[bench]
  const values = result?.rows[row]?.[side]?.[figure]
  if (!values) return null
  if (unit) return summary(values)
  const base = result.rows[row][result.bases[row]]?.[figure]
  return base ? ratio(values, base) : null
}

function within(value, [relation, limit]) {
  return relation === '≥' ? value >= limit : value <= limit
}

function most(goal, of, must, aim) {
  return { goal, of, must: ['≥', must], aim: ['≥', aim] }
}

function least(goal, of, must, aim) {
  return { goal, of, must: must === null ? null : ['≤', must], aim: ['≤', aim] }
}

function kib(goal, of) {
  return { goal, of, must: ['≤', 8], aim: ['≤', 6], unit: 'KiB' }
}

function late(row) {
  return least(`timers’ p99, ${row}`, ['event-loop', row, 'native', 'p99'], 1, 0.5)
}

function throughput(row, figure) {
  return ['throughput', row, 'native:native', figure]
}

function rival(side) {
  return ['rivals', 'writes of 64 KiB', side, 'rate']
}
