// Results as an SVG: a line from the median to the slowest of each cell and mix, on a logarithmic
// scale, since birthday punches take twenty times as long as others.

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
  const size = `width="${LEFT + WIDTH + 60}" height="${height}"`
  const style = 'font-family="sans-serif" font-size="11"'
  const background = '<rect width="100%" height="100%" fill="#fff"/>'
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>`
  return [head, background, ...parts, '</svg>', ''].join('\n')
}

function line({ mix, ok, runs, ms, errors }, x, y, color) {
  const label = text(LEFT - 10, y + 4, `${mix} ${ok}/${runs}`, 'end', color)
  if (!ms) return [label, text(LEFT + 6, y + 4, errors[0].error, 'start', color)]
  const [from, to] = [x(ms.p50), x(ms.max)]
  return [
    label,
    `<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke="${color}" stroke-width="3"/>`,
    `<circle cx="${from}" cy="${y}" r="4" fill="${color}"/>`,
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
      `<line x1="${x(ms)}" y1="${TOP}" x2="${x(ms)}" y2="${height - 10}" stroke="#ddd"/>`,
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

function text(x, y, content, anchor, color) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${color}">${content}</text>`
}

const GAP = 10
const FASTEST = 50
