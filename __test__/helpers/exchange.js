// One side of the data exchange: random bytes out, a hash of what comes in, a clean end both ways.

const { crypto } = require('./runtime')

/** Sends `bytes` random bytes, ends, reads to the end; resolves with a report at 'close'. */
module.exports = function exchange(conn, bytes) {
  const sent = crypto.createHash('sha256')
  const received = crypto.createHash('sha256')
  const report = { sent: null, received: null, receivedBytes: 0, ended: false, error: null }

  conn.on('data', chunk => {
    report.receivedBytes += chunk.byteLength
    received.update(chunk)
  })
  conn.on('end', () => {
    report.ended = true
  })
  conn.on('error', err => {
    report.error = err.code || err.message
  })

  write()

  return new Promise(resolve => {
    conn.on('close', () => {
      report.sent = sent.digest('hex')
      report.received = received.digest('hex')
      resolve(report)
    })
  })

  function write() {
    while (bytes > 0) {
      if (conn.destroying) return
      const chunk = crypto.randomBytes(Math.min(CHUNK_BYTES, bytes))
      bytes -= chunk.byteLength
      sent.update(chunk)
      if (!conn.write(chunk)) return conn.once('drain', write)
    }
    conn.end()
  }
}

const CHUNK_BYTES = 64 * 1024
