// One run of one cell: a new laboratory, with new processes.

const os = require('os')
const Laboratory = require('./laboratory')
const { isPossible } = require('./trace')

/**
 * @typedef {object} Result
 * @property {string} cell
 * @property {string} mix
 * @property {boolean} ok
 * @property {number} ms until 'open', or until the error
 * @property {string | null} [path] the client's `conn.path`, where the client is ours; 'relayed' also
 *   where it is not
 * @property {number | null} [direct] ms until the connection had left its relay
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
  const lab = await Laboratory.open(cell, options)
  try {
    const client = await world(lab, mix, options)
    const more = { leaves: isPossible(cell), idle: options.idle * 1000 }
    const connecting = lab.start('client', 'client', client.kind, { ...client.options, ...more })
    const result = await connecting.message(options.timeout + more.idle)
    return { cell, mix, ...result, load: os.loadavg()[0] }
  } catch (err) {
    return { cell, mix, ok: false, ms: options.timeout, error: err.message }
  } finally {
    lab.close()
  }
}

/** Starts all but the client. Resolves with what the client has to be. */
async function world(lab, mix, { relay, loss }) {
  const [kind, server, nodes] = [...mix].map(letter => IMPLEMENTATIONS[letter])
  const { addresses } = lab
  const { bootstrap } = await lab.start('nodes', 'nodes', nodes, { addresses }).message(START)
  const relaying = relay && (await lab.start('relay', 'relay', nodes, { bootstrap }).message(START))
  const named = side => (relay === side ? relaying.key : null)
  lab.lose(loss)
  const there = lab.start('server', 'server', server, { bootstrap, relay: named('server') })
  const { key } = await there.message(START)
  const via = relay && lab.relay
  return { kind, options: { bootstrap, key, relay: named('client'), via } }
}

const IMPLEMENTATIONS = { O: 'native', R: 'reference' }

/** Milliseconds for a process to start, and to bootstrap without any UDP. */
const START = 60_000

Object.assign(module.exports, { IMPLEMENTATIONS, START })
