// Results as text.

/**
 * @typedef {object} Row
 * @property {string} cell
 * @property {string} mix
 * @property {number} runs
 * @property {number} ok
 * @property {{ p50: number, p90: number, max: number } | null} ms to 'open', where there was one
 * @property {Record<string, number>} paths how often each
 * @property {Array<{ error: string, ms: number }>} errors
 */

/**
 * @param {import('./run').Result[]} results
 * @returns {Row[]}
 */
exports.summarize = function summarize(results) {
  const groups = new Map()
  for (const result of results) {
    const key = `${result.cell} ${result.mix}`
    groups.set(key, [...(groups.get(key) || []), result])
  }
  return [...groups.values()].map(row)
}

/** The rows as a table of Markdown. */
exports.table = function table(rows) {
  const lines = rows.map(({ cell, mix, ok, runs, ms, paths, errors }) => [
    cell,
    mix,
    `${ok}/${runs}`,
    ...(ms ? [ms.p50, ms.p90, ms.max].map(String) : ['', '', '']),
    counted(paths),
    failures(errors)
  ])
  return markdown([HEAD, ...lines])
}

const HEAD = ['cell', 'mix', 'ok', 'p50 ms', 'p90 ms', 'max ms', 'path', 'errors @ms']

function markdown([head, ...lines]) {
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map(l => l[i].length)))
  const format = cells => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [format(head), format(widths.map(w => '-'.repeat(w))), ...lines.map(format)].join('\n')
}

/** Each error with the median of its times. */
function failures(errors) {
  const times = new Map()
  for (const { error, ms } of errors) times.set(error, [...(times.get(error) || []), ms])
  return [...times]
    .map(([error, list]) => `${list.length} ${error} @${quantiles(list).p50}`)
    .join(', ')
}

function row(group) {
  const [{ cell, mix }] = group
  const opened = group.filter(({ ok }) => ok)
  const times = opened.map(({ ms }) => ms)
  const paths = {}
  for (const { path } of opened) if (path) paths[path] = (paths[path] || 0) + 1
  return {
    cell,
    mix,
    runs: group.length,
    ok: opened.length,
    ms: times.length > 0 ? quantiles(times) : null,
    paths,
    errors: group
      .filter(({ ok }) => !ok)
      .map(({ error, trace, ms }) => ({
        error: trace ? `${error} (${trace.reason})` : error,
        ms
      }))
  }
}

/** Nearest rank: of five times, the 90th percentile is the largest. */
function quantiles(times) {
  const sorted = [...times].sort((a, b) => a - b)
  const at = share => sorted[Math.ceil(share * sorted.length) - 1]
  return { p50: at(0.5), p90: at(0.9), max: sorted.at(-1) }
}

function counted(paths) {
  const list = Object.entries(paths)
  return list.map(([path, n]) => (list.length > 1 ? `${n} ${path}` : path)).join(', ')
}

Object.assign(exports, { counted, failures, markdown, quantiles })
