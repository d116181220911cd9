// One run of one cell in which something changes once.

const os = require('os')
const { setTimeout: sleep } = require('timers/promises')
const { CHANGES } = require('./changes')
const Laboratory = require('./laboratory')
const { PeerFailure } = require('./peer')
const { IMPLEMENTATIONS, START } = require('./run')
const { isWhole } = require('./peers/transfer')

/**
 * @typedef {object} End what one end saw
 * @property {number} got messages
 * @property {string | null} wrong the first message that was lost, doubled or out of order
 * @property {number} gap milliseconds, the longest between two messages
 * @property {string | null} path afterwards, where the end is ours
 * @property {[string, string]} remotes the address of the other end at first and at last
 * @property {string | null} error that ended the connection
 * @property {number} after milliseconds from the change to the last message, or to the error
 *
 * @typedef {object} ChangeResult
 * @property {string} cell
 * @property {string} mix
 * @property {string} change
 * @property {boolean} ok the connection survived and every message arrived once and in order; after
 *   `remap-server`: both clients connected
 * @property {number} ms from `connect()` to 'open', or to the error
 * @property {string | null} [path] of the client, before the change
 * @property {string} [error] of an attempt before the change, or the one that ended the connection
 * @property {object | null} [trace]
 * @property {{ client: End, server: End }} [ends]
 * @property {object | null} [again] the client's attempts after the end: `ok`, `ms`, `tries`, and
 *   how often each of the `errors` came
 * @property {object} [known] the attempt of a client that was connected before `remap-server`
 * @property {object} [fresh] the attempt of one that was not
 * @property {number} [load] of the machine, in the minute before
 */

/**
 * @param {string} cell
 * @param {string} mix
 * @param {string} change
 * @param {object} options those of `run`
 * @returns {Promise<ChangeResult>}
 */
module.exports = async function changeRun(cell, mix, change, options) {
  const [client, server, nodes] = [...mix].map(letter => IMPLEMENTATIONS[letter])
  const lab = await Laboratory.open(cell, { ...options, change })
  const { timeout } = options
  try {
    const { bootstrap } = await lab
      .start('nodes', 'nodes', nodes, { addresses: lab.addresses })
      .message(START)
    const measure = CHANGES[change].idle ? remap : live
    const measured = await measure(lab, { client, server, bootstrap, timeout })
    return { cell, mix, change, ...measured, load: os.loadavg()[0] }
  } catch (err) {
    if (!(err instanceof PeerFailure)) throw err
    return { cell, mix, change, ok: false, ms: timeout, error: err.message }
  } finally {
    lab.close()
  }
}

/** A connection through the change. */
async function live(lab, { client, server, bootstrap, timeout }) {
  const there = lab.start('live-server', 'server', server, { bootstrap })
  const { key } = await there.message(START)
  const here = lab.start('live-client', 'client', client, { bootstrap, key })
  const opened = await here.message(timeout)
  if (!opened.ok) return opened

  await sleep(BEFORE)
  const changed = Date.now()
  await lab.change()
  const [seen, seenThere] = await Promise.all([here.message(LATEST), there.message(LATEST)])
  const { again, ...mine } = seen
  const error = mine.error || seenThere.error || undefined
  const ends = { client: end(mine, changed), server: end(seenThere, changed) }
  return { ...opened, ok: isWhole(mine) && isWhole(seenThere), error, ends, again }
}

function end({ at, ...seen }, changed) {
  return { ...seen, after: at - changed }
}

/** A server that waits while its NAT is reset. Both clients connect at once, so neither helps. */
async function remap(lab, { client, server, bootstrap, timeout }) {
  const { key } = await lab.start('server', 'server', server, { bootstrap }).message(START)
  const clients = [true, false].map(known =>
    lab.start('returning-client', 'client', client, { bootstrap, key, known })
  )
  const [before] = await Promise.all(clients.map(peer => peer.message(timeout)))
  if (!before.ok) return before

  await sleep(IDLE)
  await lab.change()
  for (const peer of clients) peer.tell('connect')
  const [known, fresh] = await Promise.all(clients.map(peer => peer.message(timeout)))
  const error = known.error || fresh.error
  return { ...before, ok: known.ok && fresh.ok, error, known, fresh }
}

/** Milliseconds of messages before the change. */
const BEFORE = 1000

/** Longer than the socket of a connection that was closed stays open. */
const IDLE = 5000

/** Milliseconds: a transfer that stalls, and the attempts after it. */
const LATEST = 150_000
