// The client of a laboratory: one connection, and one message there and back.

require('./start')(async (DHT, { bootstrap, key }) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()

  const start = performance.now()
  const conn = dht.connect(Buffer.from(key, 'hex'))
  let ms = null
  let path = null
  return new Promise(resolve => {
    conn.on('error', err => resolve(failure(err.code || err.message, err.trace)))
    conn.on('close', () => resolve(failure('CLOSED')))
    conn.on('data', () => resolve({ ok: true, ms, path }))
    conn.on('open', () => {
      ms = elapsed()
      path = describe(conn.path)
      conn.write('hello')
    })
  })

  function failure(error, trace = null) {
    return { ok: false, ms: elapsed(), error: ms === null ? error : `${error} after 'open'`, trace }
  }

  function elapsed() {
    return Math.round(performance.now() - start)
  }
})

/** The reference has no such property. */
function describe(path) {
  if (!path) return null
  return path.punch ? `${path.kind} ${path.punch}` : path.kind
}
