// Results as an SVG: a line from the median to the slowest of each cell and mix, on a logarithmic
// scale, since birthday punches take twenty times as long as others.

const { bar, document, dot, rule, text } = require('../scripts/svg')

const LEFT = 190
const WIDTH = 640
const LINE = 16
const TOP = 40

const COLORS = [
  '#0b6e4f',
  '#b23a48',
  '#3366cc',
  '#c98a00',
  '#7b3fa0',
  '#555555',
  '#00838f',
  '#8d6e63'
]

/**
 * @param {import('./table').Row[]} rows
 * @returns {string}
 */
module.exports = function chart(rows) {
  const mixes = [...new Set(rows.map(({ mix }) => mix))]
  const cells = [...new Set(rows.map(({ cell }) => cell))]
  const sorted = cells.flatMap(cell => rows.filter(row => row.cell === cell))
  const slowest = Math.max(1000, ...rows.map(({ ms }) => ms?.max ?? 0))
  const x = scale(slowest)
  const height = TOP + sorted.length * LINE + cells.length * GAP + 20

  const parts = [...grid(x, slowest, height), ...legend(mixes)]
  let y = TOP
  let last = null
  for (const row of sorted) {
    if (row.cell !== last) {
      y += GAP
      parts.push(text(LEFT - 60, y + 4, row.cell, 'end', '#000'))
    }
    last = row.cell
    parts.push(...line(row, x, y, COLORS[mixes.indexOf(row.mix) % COLORS.length]))
    y += LINE
  }
  const title = 'Times to open by cell and mix'
  return document({ width: LEFT + WIDTH + 60, height, title }, parts)
}

function line({ mix, ok, runs, ms, errors }, x, y, color) {
  const label = text(LEFT - 10, y + 4, `${mix} ${ok}/${runs}`, 'end', color)
  if (!ms) return [label, text(LEFT + 6, y + 4, errors[0].error, 'start', color)]
  const [from, to] = [x(ms.p50), x(ms.max)]
  return [
    label,
    bar([from, to], y, color),
    dot(from, y, color),
    text(Number(to) + 8, y + 4, `${ms.p50}..${ms.max}`, 'start', color)
  ]
}

function legend(mixes) {
  const title = text(
    LEFT,
    14,
    "ms from connect() to 'open': median (dot) to slowest",
    'start',
    '#000'
  )
  const names = mixes.map((mix, i) =>
    text(20 + i * 40, 14, mix, 'start', COLORS[i % COLORS.length])
  )
  return [title, ...names]
}

function grid(x, slowest, height) {
  const marks = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
  return marks
    .filter(ms => ms <= slowest)
    .flatMap(ms => [
      rule(x(ms), [TOP, height - 10], '#ddd'),
      text(x(ms), TOP - 6, String(ms), 'middle', '#666')
    ])
}

/** From 50 ms to the slowest. */
function scale(slowest) {
  const [low, high] = [Math.log(FASTEST), Math.log(slowest)]
  return ms => {
    const share = (Math.log(Math.max(ms, FASTEST)) - low) / (high - low)
    return (LEFT + share * (WIDTH - 80)).toFixed(1)
  }
}

const GAP = 10
const FASTEST = 50
