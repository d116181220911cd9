// One connection of a client to a server of a laboratory.

/**
 * Connects, sends a message, waits for one, and ends the connection.
 *
 * @param {object} dht
 * @param {string} key of the server
 * @returns {Promise<object>} `ok`; `ms` until 'open', or until the `error`; `path`; `trace`
 */
module.exports = function attempt(dht, key) {
  const start = performance.now()
  const conn = dht.connect(Buffer.from(key, 'hex'))
  let ms = null
  let path = null
  return new Promise(resolve => {
    conn.on('error', err => resolve(failure(err.code || err.message, err.trace)))
    conn.on('close', () => resolve(failure('CLOSED')))
    conn.on('open', () => {
      ms = elapsed()
      path = describe(conn.path)
      conn.write('hello')
    })
    conn.on('data', () => {
      resolve({ ok: true, ms, path })
      conn.destroy()
    })
  })

  function failure(error, trace = null) {
    return { ok: false, ms: elapsed(), error: ms === null ? error : `${error} after 'open'`, trace }
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
