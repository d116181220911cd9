// Results as Markdown.

const { ratio, summary } = require('./statistics')

/**
 * @param {import('./runner').Bench} bench
 * @param {object} result what the runner gives
 */
exports.section = function section(bench, result) {
  const parts = [`## ${bench.title}`, bench.about, how(bench, result)]
  if (Object.keys(result.rows).length > 0) parts.push(figures(bench, result))
  if (result.failures.length > 0) parts.push(failures(result))
  return parts.join('\n\n')
}

/** A table of lines of cells. */
exports.table = function table(head, lines) {
  const row = cells => `| ${cells.join(' | ')} |`
  return [row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n')
}

exports.times = function times(number) {
  return `${number.toFixed(number < 10 ? 2 : 1)}×`
}

/** The settings of a run, as a command. */
function how({ name }, { runs, settings, seconds }) {
  const flags = Object.entries(settings).filter(([, value]) => value !== '' && value !== false)
  const command = ['node', `bench/${name}.js`, '--runs', runs, ...flags.flatMap(flag)]
  return `\`${command.join(' ')}\`, ${seconds.toFixed(0)} s.`
}

function flag([name, value]) {
  return [`--${name}`, String(value).includes(' ') ? `'${value}'` : value]
}

/** One line for each row and side: medians, the range in brackets, the ratio to the base. */
function figures(bench, { rows, bases }) {
  const entries = Object.entries(rows).flatMap(([row, sides]) =>
    Object.entries(sides).map(([side, values]) => ({ row, side, values, base: sides[bases[row]] }))
  )
  const columns = bench.figures.filter(([name]) =>
    entries.some(({ values }) => summary(values[name] || []) !== null)
  )
  const head = ['', bench.sidesTitle || 'client : server', ...columns.map(([, title]) => title)]
  const lines = entries.map(({ row, side, values, base }, i) => [
    i > 0 && entries[i - 1].row === row ? '' : row,
    side.replace(':', ' : '),
    ...columns.map(column => cell(column, values, values === base ? null : base))
  ])
  return exports.table(head, lines)
}

function cell([name, , digits], values, base) {
  const found = summary(values[name] || [])
  if (found === null) return ''
  const { median, min, max, count } = found
  const range = count > 1 ? ` (${min.toFixed(digits)}–${max.toFixed(digits)})` : ''
  const compared = base ? ratio(values[name], base[name] || []) : null
  return median.toFixed(digits) + range + (compared ? ` ${exports.times(compared.median)}` : '')
}

function failures({ failures }) {
  const lines = failures.map(({ side, run, error }) => `- ${side}, run ${run}: ${error}`)
  return ['Runs that failed:', '', ...lines].join('\n')
}
