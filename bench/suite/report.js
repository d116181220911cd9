// docs/BENCHMARKS.md: what a run writes into it stands between two marks.

const { goalTable, judge } = require('./goals')
const { sentence } = require('./machine')
const { section } = require('./tables')

const BEGIN = '<!-- npm run bench writes from here -->'
const END = '<!-- to here -->'

/** The report of a run: the goals first, then a section for each benchmark. */
exports.report = function report(benches, { machine, runs, quick, results, notes }) {
  const judged = judge(results)
  const measured = judged.filter(goal => goal.measured !== null && goal.must !== null)
  const met = measured.filter(goal => goal.met).length
  const sections = benches
    .filter(({ name }) => results[name] && hasContent(results[name]))
    .map(bench => section(bench, results[bench.name]))
  return [
    '## Goals',
    sentence(machine, { runs, quick }),
    `${met} of ${measured.length} goals are met.`,
    goalTable(judged),
    '![How far the goals are reached](benchmarks.svg)',
    ...notes,
    ...sections
  ].join('\n\n')
}

/** Why a run may not rewrite the document, or null if it may. */
exports.unfit = function unfit({ quick, only, results }) {
  if (quick) return 'the figures are those of a run with --quick'
  if (only) return `the figures are those of a run with --only ${only}`
  const measured = Object.values(results).some(({ rows }) => Object.keys(rows).length > 0)
  return measured ? null : 'nothing was measured, since all runs failed'
}

/** The document with another text between its marks. */
exports.rewritten = function rewritten(document, text) {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the document lacks the lines ${BEGIN} and ${END}`)
  return `${document.slice(0, from + BEGIN.length)}\n\n${text}\n\n${document.slice(to)}`
}

/** A benchmark of which all runs failed has no rows, and says so. */
function hasContent({ rows, failures }) {
  return Object.keys(rows).length > 0 || failures.length > 0
}
