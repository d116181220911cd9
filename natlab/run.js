// One run of one cell: a new laboratory, with new processes.

const os = require('os')
const Laboratory = require('./laboratory')

/**
 * @typedef {object} Result
 * @property {string} cell
 * @property {string} mix
 * @property {boolean} ok
 * @property {number} ms until 'open', or until the error
 * @property {string | null} [path] the client's `conn.path`, where the client is ours
 * @property {string} [error]
 * @property {object | null} [trace] of the error, where the client is ours
 * @property {number} [load] of the machine, in the minute before
 */

/**
 * @param {string} cell
 * @param {string} mix the implementations of client, server and nodes: O is ours, R the reference
 * @param {object} options those of `Laboratory.open`, and `timeout` in milliseconds
 * @returns {Promise<Result>}
 */
module.exports = async function run(cell, mix, options) {
  const [client, server, nodes] = [...mix].map(letter => IMPLEMENTATIONS[letter])
  const lab = await Laboratory.open(cell, options)
  try {
    const { bootstrap } = await lab
      .start('nodes', 'nodes', nodes, { addresses: lab.addresses })
      .message(START)
    const { key } = await lab.start('server', 'server', server, { bootstrap }).message(START)
    const connecting = lab.start('client', 'client', client, { bootstrap, key })
    const result = await connecting.message(options.timeout)
    return { cell, mix, ...result, load: os.loadavg()[0] }
  } catch (err) {
    return { cell, mix, ok: false, ms: options.timeout, error: err.message }
  } finally {
    lab.close()
  }
}

const IMPLEMENTATIONS = { O: 'native', R: 'reference' }

/** Milliseconds for a process to start, and to bootstrap without any UDP. */
const START = 60_000

Object.assign(module.exports, { IMPLEMENTATIONS, START })
