// One side of the data exchange: random bytes out, a hash of what comes in, a clean end both ways.

const { crypto } = require('./runtime')

/**
 * Sends `bytes` random bytes, ends, reads to the end; resolves with a report at 'close'. With
 * `confirms` each side ends only when the other has told that it has all bytes.
 */
module.exports = function exchange(conn, bytes, { confirms = false } = {}) {
  const total = bytes
  const sent = crypto.createHash('sha256')
  const received = crypto.createHash('sha256')
  const report = { sent: null, received: null, receivedBytes: 0, ended: false, error: null }

  conn.on('data', chunk => {
    // A stream without messages may join the confirmation to the last data.
    const data = confirms ? chunk.subarray(0, total - report.receivedBytes) : chunk
    report.receivedBytes += data.byteLength
    received.update(data)
    if (confirms && data.byteLength > 0) confirm()
    if (data.byteLength < chunk.byteLength) conn.end()
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
    if (confirms) confirm()
    else conn.end()
  }

  // after our last data, so that the other side can tell it from them
  function confirm() {
    if (bytes === 0 && report.receivedBytes === total) conn.write(CONFIRMATION)
  }
}

const CHUNK_BYTES = 64 * 1024

const CONFIRMATION = 'all is there'
