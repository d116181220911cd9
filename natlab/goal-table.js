// The rows of natlab/goals.js as the tables of docs/CONNECTIVITY.md, and what missed its goal.

const { ROWS } = require('./goals')
const { counted, failures, markdown, quantiles, summarize } = require('./table')

/**
 * @typedef {import('./run').Result & import('./change-run').ChangeResult & { row: string }} Result
 */

/** Each row with its cells pooled, a mix a column. */
exports.table = function table(results) {
  const lines = ROWS.filter(({ goal }) => goal).map(({ name, goal }) => [
    name,
    told(goal),
    ...MIXES.map(mix => outcome(pooled(results, name, mix)))
  ])
  return markdown([['row', 'goal of two of ours', ...MIXES], ...lines])
}

/** Each cell, with the paths of two of ours. */
exports.cellTable = function cellTable(results) {
  const plain = ROWS.filter(({ changes, relay, loss, far, idle }) =>
    [changes, relay, loss, far, idle].every(value => value === undefined)
  )
  const lines = plain.flatMap(({ name, cells }) =>
    cells.map(cell => {
      const runs = ofCell(results, name, cell)
      const own = summarize(runs.filter(({ mix }) => mix === 'OOO'))
      return [
        `\`${cell}\``,
        ...MIXES.map(mix => outcome(runs.filter(run => run.mix === mix))),
        own.length > 0 ? counted(own[0].paths) : ''
      ]
    })
  )
  return markdown([['cell', ...MIXES, 'path of ours'], ...lines])
}

/**
 * What missed: a goal of a row, by two of ours; and in each cell, a mix that opened less often than
 * two of the reference, or whose median was more than 20 % above theirs.
 *
 * @param {Result[]} results
 * @returns {string[]}
 */
exports.misses = function misses(results) {
  return ROWS.flatMap(({ name, goal, cells }) => {
    const own = pooled(results, name, 'OOO')
    const missed = own.length === 0 || !goal ? [] : missedGoals(own, goal)
    const behind = cells.flatMap(cell => behindReference(ofCell(results, name, cell)))
    return [...missed, ...behind].map(text => `${name}: ${text}`)
  })
}

/** Successes and runs, then the times of those that opened, and the errors of the others. */
function outcome(runs) {
  if (runs.length === 0) return ''
  const [{ ok, ms, errors }] = summarize(
    runs.map(run => ({ ...run, cell: '', mix: '', trace: null }))
  )
  const [gap, direct, later] = MEASURES.map(measure => quantilesOf(runs, measure)).map(span)
  const isChange = runs.some(({ change }) => change)
  const times = [
    gap && `gap ${gap}`,
    later,
    !isChange && ms && `${ms.p50} / ${ms.p90} / ${ms.max}`,
    direct && `direct ${direct}`
  ]
  const text = `${ok}/${runs.length} ${times.filter(Boolean).join('; ')}`.trimEnd()
  return [text, failures(errors)].filter(Boolean).join(', ')
}

function told({ open, error, fails, ...times }) {
  const parts = Object.entries(times).map(([name, ms]) => (name === 'again' ? ms : `${name} ${ms}`))
  return error ? `the error within ${fails}` : [`${open} %`, ...parts].join(', ')
}

function missedGoals(runs, { open, p50, max, direct, fails, error, gap, again }) {
  const opened = runs.filter(({ ok }) => ok)
  const times = quantilesOf(opened, ({ ms }) => ms)
  const [gaps, directs, later] = MEASURES.map(measure => quantilesOf(opened, measure))
  const failed = runs.filter(({ ok }) => !ok)
  const errors = failed.filter(run => (error && run.error !== error) || (fails && run.ms > fails))
  return [
    open &&
      (opened.length * 100) / runs.length < open &&
      `${opened.length} of ${runs.length} opened`,
    p50 && times && times.p50 > p50 && `p50 ${times.p50} ms, goal ${p50}`,
    max && times && times.max > max && `max ${times.max} ms, goal ${max}`,
    direct && directs && directs.p50 > direct && `direct after ${directs.p50} ms, goal ${direct}`,
    gap && gaps && gaps.max > gap && `gap ${gaps.max} ms, goal ${gap}`,
    again && later && later.max > again && `${later.max} ms after the change, goal ${again}`,
    fails && errors.length > 0 && `${errors.length} times not ${error} within ${fails} ms`
  ].filter(Boolean)
}

/** The runs of one cell and change. */
function behindReference(runs) {
  const [theirs] = summarize(runs.filter(({ mix }) => mix === 'RRR'))
  if (!theirs) return []
  return summarize(runs.filter(({ mix }) => mix !== 'RRR')).flatMap(
    ({ cell, mix, ok, runs, ms }) => {
      if (ok / runs < theirs.ok / theirs.runs)
        return [`${cell} ${mix} opened ${ok}/${runs}, RRR ${theirs.ok}/${theirs.runs}`]
      const slower = ms && theirs.ms && ms.p50 > theirs.ms.p50 * 1.2
      return slower ? [`${cell} ${mix} p50 ${ms.p50} ms, RRR ${theirs.ms.p50}`] : []
    }
  )
}

function pooled(results, name, mix) {
  return results.filter(result => result.row === name && result.mix === mix)
}

function ofCell(results, name, cell) {
  return results.filter(result => result.row === name && result.cell === cell)
}

function quantilesOf(runs, measure) {
  const list = runs.map(measure).filter(value => typeof value === 'number')
  return list.length > 0 ? quantiles(list) : null
}

function span(values) {
  return values ? `${values.p50} / ${values.max}` : ''
}

/** The gap of a connection that survived; ms until the relay was left; the slower of two clients. */
const MEASURES = [
  ({ ok, ends }) => (ok && ends ? Math.max(ends.client.gap, ends.server.gap) : null),
  ({ direct }) => direct,
  ({ known, fresh }) => (known?.ok && fresh?.ok ? Math.max(known.ms, fresh.ms) : null)
]

/** Client, server, nodes. */
const MIXES = ['OOO', 'ORR', 'ROR', 'RRR']
