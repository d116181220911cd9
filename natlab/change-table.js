// Results of changes as text.

const { CHANGES } = require('./changes')
const { counted, failures, markdown, quantiles } = require('./table')

/**
 * @typedef {object} ChangeRow
 * @property {string} cell
 * @property {string} mix
 * @property {string} change
 * @property {number} runs
 * @property {number} ok
 * @property {Record<string, { p50: number, max: number }>} times in ms, those that there were:
 *   `gap` of connections that survived, `again`, `known`, `fresh`
 * @property {Record<string, number>} paths how often each, afterwards
 * @property {Array<{ error: string, ms: number }>} errors
 */

/**
 * @param {import('./change-run').ChangeResult[]} results
 * @returns {ChangeRow[]}
 */
exports.summarize = function summarize(results) {
  const groups = new Map()
  for (const result of results) {
    const key = `${result.change} ${result.cell} ${result.mix}`
    groups.set(key, [...(groups.get(key) || []), result])
  }
  return [...groups.values()].map(row)
}

/** The rows as a table of Markdown. */
exports.table = function table(rows) {
  const lines = rows.map(({ change, cell, mix, ok, runs, times, paths, errors }) => [
    change,
    cell,
    mix,
    `${ok}/${runs}`,
    ...TIMES.map(name => (times[name] ? `${times[name].p50} / ${times[name].max}` : '')),
    counted(paths),
    failures(errors)
  ])
  return markdown([HEAD, ...lines])
}

/**
 * What no run may do: lose a message before the last, or deliver one twice, whatever ends the
 * connection. And a laboratory may not claim a change that nobody sees.
 *
 * @param {import('./change-run').ChangeResult} result
 * @returns {string[]}
 */
exports.broken = function broken({ change, ok, ends }) {
  if (!ends) return []
  const faults = Object.entries(ends)
    .filter(([, { wrong }]) => wrong !== null)
    .map(([side, { wrong }]) => `the ${side} got message ${wrong}`)
  const { side } = CHANGES[change]
  const [first, last] = ends[side === 'client' ? 'server' : 'client'].remotes
  if (ok && first === last) faults.push(`the ${side} is still seen at ${last}`)
  return faults
}

/** One result in a few words. */
exports.outcome = function outcome({ ok, ends, error, again, known, fresh }) {
  if (known) return `known ${attempted(known)}, new ${attempted(fresh)}`
  if (!ends) return error
  const { client, server } = ends
  if (ok) return `gap ${Math.max(client.gap, server.gap)} ms, ${client.path || server.path || ''}`
  const ended = `client ${client.error} @${client.after}, server ${server.error} @${server.after}`
  return again ? `${ended}, again ${attempted(again)}` : ended
}

function attempted({ ok, ms, error, tries = 1, errors = {} }) {
  const outcome = ok ? `${ms} ms` : `${error} @${ms}`
  return tries === 1 ? outcome : `${outcome} (${tries} tries: ${counted(errors)})`
}

function row(group) {
  const [{ cell, mix, change }] = group
  const times = {}
  for (const name of TIMES) {
    const list = group.map(TIME[name]).filter(ms => ms !== null)
    if (list.length > 0) times[name] = quantiles(list)
  }
  const paths = {}
  for (const path of group.map(pathAfter)) if (path) paths[path] = (paths[path] || 0) + 1
  const errors = group.filter(({ ok }) => !ok).map(failure)
  const ok = group.filter(result => result.ok).length
  return { cell, mix, change, runs: group.length, ok, times, paths, errors }
}

/** With the time after the change, or after `connect()` of the attempt that failed. */
function failure({ error, trace, ms, ends, again, known, fresh }) {
  if (ends) {
    const then = again && !again.ok ? ` (again: ${again.error})` : ''
    return { error: `${error}${then}`, ms: ends[ends.client.error ? 'client' : 'server'].after }
  }
  const attempt = [known, fresh].find(each => each && !each.ok) || { error, trace, ms }
  return {
    error: attempt.trace ? `${attempt.error} (${attempt.trace.reason})` : attempt.error,
    ms: attempt.ms
  }
}

function pathAfter({ ok, ends, again, fresh }) {
  if (fresh) return fresh.path
  return ok ? ends.client.path : again?.path
}

/** @type {Record<string, (result: import('./change-run').ChangeResult) => number | null>} */
const TIME = {
  gap: ({ ok, ends }) => (ok && ends ? Math.max(ends.client.gap, ends.server.gap) : null),
  again: ({ again }) => (again?.ok ? again.ms : null),
  known: ({ known }) => (known?.ok ? known.ms : null),
  fresh: ({ fresh }) => (fresh?.ok ? fresh.ms : null)
}
const TIMES = Object.keys(TIME)

const HEAD = [
  'change',
  'cell',
  'mix',
  'ok',
  'gap ms',
  'again ms',
  'known ms',
  'new ms',
  'path after',
  'ended @ms'
]
