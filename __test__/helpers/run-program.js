// Runs a file of ../programs in a process of its own, in the runtime of the caller.

const { path, process } = require('./runtime')
const run = require('./run')

/**
 * Resolves with { code, signal, lines, stderr } when the program has ended.
 *
 * @param {string} name
 * @param {object} [options] those of `run`, and:
 * @param {string[]} [options.args]
 * @param {string[]} [options.runtimeArgs]
 * @param {string[]} [options.under] a command that runs the program
 */
module.exports = async function runProgram(name, options = {}) {
  const { args = [], runtimeArgs = [], under = [], ...rest } = options
  const file = path.join(__dirname, '..', 'programs', name + '.js')
  const command = [...under, process.execPath, ...runtimeArgs, file, ...args]
  const { stdout, ...end } = await run(command, rest)
  return { ...end, lines: stdout.split('\n').filter(line => line !== '') }
}
