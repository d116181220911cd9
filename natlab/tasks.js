// The order of the runs of a measurement.

const { ROWS } = require('./goals')

/**
 * @typedef {object} Task
 * @property {string} cell
 * @property {string} mix
 * @property {string | null} change
 * @property {string | null} row that the result belongs to
 * @property {object} options those of `run`
 */

/**
 * Interleaved: a machine that is busy for a while slows all cells and mixes alike.
 *
 * @param {object} options those of the command line
 * @returns {Task[]}
 */
module.exports = function tasks(options) {
  const rows = options.goals ? ROWS : [plain(options)]
  const most = Math.max(...rows.map(row => runsOf(row, 'OOO', options)))
  const list = []
  for (let i = 0; i < most; i++) {
    for (const row of rows) list.push(...round(row, i, options))
  }
  return list
}

function runsOf(row, mix, { runs, 'mixed-runs': mixed = runs }) {
  return row.runs ?? (mix === 'OOO' ? runs : mixed)
}

/** Each cell of a row in each mix once. */
function round(row, i, options) {
  const { name, cells, mixes = options.mixes, changes = [null], runs, ...special } = row
  const common = { ...options, ...special, seed: options.seed + i }
  const due = mixes.filter(mix => i < runsOf(row, mix, options))
  return cells.flatMap(cell =>
    due.flatMap(mix => changes.map(change => ({ cell, mix, change, row: name, options: common })))
  )
}

/** What the command line asks for, as a row. */
function plain({ cells, changes }) {
  return { name: null, cells, changes: changes.length > 0 ? changes : [null] }
}
