// A NAT laboratory in network namespaces of Linux: how often, and how fast, a client behind one NAT
// reaches a server behind another. See docs/TESTING.md.

const fs = require('fs')
const parseArguments = require('./options')
const { TYPES, SAME } = require('./cells')
const { CHANGES } = require('./changes')
const requirements = require('./requirements')
const Laboratory = require('./laboratory')
const check = require('./check')
const run = require('./run')
const changeRun = require('./change-run')
const tables = require('./table')
const changeTables = require('./change-table')
const goalTables = require('./goal-table')
const tasks = require('./tasks')
const chart = require('./chart')
const { contradictions, describe } = require('./trace')

async function main() {
  const options = parseArguments(process.argv.slice(2))
  if (options.list) return list()
  const missing = requirements.missing()
  if (missing) return giveUp(missing)

  process.on('exit', Laboratory.closeAll)
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))
  Laboratory.removeStale()

  const internet = requirements.buildInternet()
  if (options.check) {
    process.exitCode = (await check({ ...options, internet })) ? 0 : 1
    return
  }
  const results = []
  // an interrupted measurement reports what it has
  process.on('exit', () => results.length > 0 && report(results, options))
  await measure({ ...options, internet }, results)
}

function report(results, options) {
  const changed = results.filter(({ change }) => change)
  const plain = results.filter(({ change }) => !change)
  const rows = [...tables.summarize(plain), ...changeTables.summarize(changed)]
  if (plain.length > 0) console.log('\n' + tables.table(tables.summarize(plain)))
  if (changed.length > 0) console.log('\n' + changeTables.table(changeTables.summarize(changed)))
  if (options.goals) {
    console.log('\n' + goalTables.table(results))
    console.log('\n' + goalTables.cellTable(results))
    for (const miss of goalTables.misses(results)) console.log(`MISSED: ${miss}`)
  }
  if (options.json) write(options.json, JSON.stringify({ options, rows, results }, null, 2) + '\n')
  if (options.svg) write(options.svg, chart(tables.summarize(plain)))
}

function giveUp(missing) {
  console.log(`No NAT laboratory here: ${missing}.`)
  process.exitCode = 1
}

/** Adds to the results. As many laboratories as there are jobs take turns. */
async function measure(options, results) {
  const all = tasks(options)
  const left = all.values()
  const worker = async () => {
    for (const { cell, mix, change, row, options: runOptions } of left) {
      const result = change
        ? await changeRun(cell, mix, change, runOptions)
        : await run(cell, mix, runOptions)
      results.push({ row, ...result })
      print(result, `${results.length}/${all.length}`)
      if (result.trace) checkTrace(result)
      if (change) checkChange(result)
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, worker))
}

function print(result, progress) {
  const { cell, mix, change, ok, ms, path, direct, error } = result
  const where = change ? `${cell.padEnd(14)} ${change.padEnd(13)}` : cell.padEnd(22)
  const opened = direct ? `${path}, direct after ${direct} ms` : path || ''
  const outcome = change ? changeTables.outcome(result) : ok ? opened : error
  console.log(`${progress.padEnd(8)} ${where} ${mix}  ${String(ms).padStart(6)} ms  ${outcome}`)
}

/** A change may end a connection, but what arrived has to be what was sent. */
function checkChange(result) {
  for (const attempt of [result.again, result.known, result.fresh]) {
    if (attempt?.trace) console.log(`         ${describe(attempt.trace)}`)
  }
  for (const wrong of changeTables.broken(result)) {
    console.log(`         WRONG: ${wrong}`)
    process.exitCode = 1
  }
}

/** An error of ours has to say what the laboratory knows. */
function checkTrace({ cell, trace }) {
  console.log(`         ${describe(trace)}`)
  for (const wrong of contradictions(cell, trace)) {
    console.log(`         WRONG: ${wrong}`)
    process.exitCode = 1
  }
}

function list() {
  console.log('A cell is client,server, each behind one of\n')
  for (const [name, { about }] of Object.entries(TYPES))
    console.log(`  ${name.padEnd(10)} ${about}`)
  console.log('\nor same,variant, both behind one NAT:\n')
  for (const [name, { about }] of Object.entries(SAME)) console.log(`  ${name.padEnd(17)} ${about}`)
  console.log('\nA change is one of\n')
  for (const [name, { about }] of Object.entries(CHANGES))
    console.log(`  ${name.padEnd(17)} ${about}`)
}

function write(file, text) {
  fs.writeFileSync(file, text)
  console.log(`Wrote ${file}`)
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
