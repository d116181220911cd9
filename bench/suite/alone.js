// The command line of one benchmark.

const { parse } = require('./options')
const { problems } = require('./ready')
const { section } = require('./tables')
const runner = require('./runner')

/** `node bench/NAME.js [--runs N] [--quick] [--SETTING VALUE ...] [side ...]` */
module.exports = async function alone(bench) {
  try {
    const args = process.argv.slice(2)
    const smaller = args.includes('--quick') ? bench.quick : {}
    const defaults = { runs: 5, quick: false, ...bench.defaults, ...smaller }
    const { options, rest } = parse(args, defaults)
    const { runs, quick: _, ...settings } = options
    for (const { missing, remedy, needed } of problems([bench])) {
      const line = `${missing}: ${remedy}`
      if (needed) throw new Error(line)
      console.log(line)
    }
    const result = await runner.run(bench, { runs, settings, sides: rest, say: console.log })
    console.log(`\n${section(bench, result)}`)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
  await runner.end()
}
