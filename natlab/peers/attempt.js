// One connection of a client to a server of a laboratory.

const { setTimeout: sleep } = require('timers/promises')
const echo = require('./echo')

/**
 * Connects, sends a message, waits for one, and ends the connection.
 *
 * @param {object} dht
 * @param {string} key of the server
 * @param {object} [options]
 * @param {string | null} [options.relay] the key of a blind relay that the client names
 * @param {string | null} [options.via] the address of the relay that either end names
 * @param {boolean} [options.leaves] whether to send messages until the connection has left the relay
 * @param {number} [options.idle] milliseconds until a second message
 * @returns {Promise<object>} `ok`; `ms` until 'open', or until the `error`; `path`; `direct`: ms until
 *   the connection had left the relay, or null; `trace`
 */
module.exports = async function attempt(dht, key, options = {}) {
  const { relay = null, via = null, leaves = false, idle = 0 } = options
  const start = performance.now()
  const relayThrough = relay && Buffer.from(relay, 'hex')
  const conn = dht.connect(Buffer.from(key, 'hex'), { relayThrough })
  let ms = null
  const failed = new Promise((_, reject) => {
    conn.on('error', reject)
    conn.on('close', () => reject(new Error('CLOSED')))
  })
  failed.catch(() => {})
  try {
    if (!(await Promise.race([conn.opened, failed]))) await failed
    return await Promise.race([use(), failed])
  } catch (err) {
    const error = err.code || err.message
    const when = ms === null ? error : `${error} after 'open'`
    return { ok: false, ms: elapsed(), error: when, trace: err.trace || null }
  } finally {
    conn.destroy()
  }

  async function use() {
    ms = elapsed()
    const relayed = conn.rawStream.remoteHost === via
    const path = describe(conn.path) || (relayed ? 'relayed' : null)
    await echo(conn, 1)
    const direct = relayed && leaves ? await untilDirect() : null
    if (idle > 0) {
      await sleep(idle)
      await echo(conn, 1)
    }
    return { ok: true, ms, path, direct }
  }

  async function untilDirect() {
    while (conn.rawStream.remoteHost === via) {
      if (elapsed() > LONGEST) return null
      await echo(conn, 5)
    }
    const direct = elapsed()
    await echo(conn, 5)
    return direct
  }

  function elapsed() {
    return Math.round(performance.now() - start)
  }
}

module.exports.describe = describe

/** A path in words. The reference has no such property. */
function describe(path) {
  if (!path) return null
  return path.punch ? `${path.kind} ${path.punch}` : path.kind
}

/** Milliseconds that a connection may take to leave its relay. */
const LONGEST = 30_000
