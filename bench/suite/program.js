// Programs that print one line of JSON and end.

const { execFile } = require('child_process')
const { promisify } = require('util')

/** Milliseconds after which a program is ended that does not end by itself. */
exports.LIMIT = 100_000

/** The longest output has a number for every timer of a run. */
const MAX_OUTPUT = 16 * 1024 * 1024

/** @param {(string | number)[]} command @param {Record<string, string>} [env] */
exports.printed = async function printed([file, ...args], env = {}) {
  const { stdout } = await promisify(execFile)(file, args.map(String), {
    env: { ...process.env, ...env },
    maxBuffer: MAX_OUTPUT,
    timeout: exports.LIMIT,
    killSignal: 'SIGKILL'
  })
  return JSON.parse(stdout)
}
