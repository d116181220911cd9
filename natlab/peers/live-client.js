// A client whose connection carries messages in both directions. If it ends, the client connects
// again, as a program would.

const attempt = require('./attempt')
const transfer = require('./transfer')

require('./start')(async (DHT, { bootstrap, key }, laboratory) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  const start = performance.now()
  const conn = dht.connect(Buffer.from(key, 'hex'))
  const failure = await opened(conn)
  const ms = Math.round(performance.now() - start)
  if (failure) return { ok: false, ms, ...failure }

  const transferring = transfer(conn)
  laboratory.tell({ ok: true, ms, path: attempt.describe(conn.path) })
  const transferred = await transferring
  const again = transferred.error === null ? null : await connectAgain(dht, key)
  return { ...transferred, again }
})

function opened(conn) {
  return new Promise(resolve => {
    conn.once('open', () => resolve(null))
    conn.once('error', err => resolve({ error: err.code || err.message, trace: err.trace || null }))
  })
}

/** Until it succeeds, or half a minute has passed. `ms` is the time of all tries. */
async function connectAgain(dht, key) {
  const start = Date.now()
  const errors = {}
  for (let tries = 1; ; tries++) {
    const { ok, error, trace, path } = await attempt(dht, key)
    const ms = Date.now() - start
    if (!ok) errors[error] = (errors[error] || 0) + 1
    if (ok || ms > PATIENCE) return { ok, ms, tries, errors, error, trace, path }
  }
}

/** Milliseconds. */
const PATIENCE = 30_000
