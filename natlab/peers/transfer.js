// Numbered messages in both directions of a connection, and what an end sees of them.

const { describe } = require('./attempt')

/**
 * Sends a message every 10 ms, for 6 s, and receives as many.
 *
 * @param {object} conn that is open
 * @returns {Promise<object>} `got`: the messages that came, up to the first that was `wrong`, that
 *   is, lost, doubled or out of order; `gap`: the longest time in ms between two of them; `path`;
 *   `remotes`: the peer's address at first and at last; the `error` that ended the connection, or
 *   null; and `at`, the time of the last event
 */
module.exports = function transfer(conn) {
  let [sent, got, gap, last] = [0, 0, 0, Date.now()]
  let wrong = null
  const first = remote(conn)
  const sending = setInterval(() => {
    conn.write(String(sent))
    if (++sent === COUNT) clearInterval(sending)
  }, PERIOD)

  return new Promise(resolve => {
    const patience = setTimeout(end, PATIENCE, 'STALLED')
    conn.on('error', err => end(err.code || err.message))
    conn.on('close', () => end('CLOSED'))
    conn.on('data', data => {
      gap = Math.max(gap, Date.now() - last)
      last = Date.now()
      if (wrong === null && String(data) !== String(got)) wrong = `${data} instead of ${got}`
      if (++got === COUNT) end(null)
    })

    function end(error) {
      if (error !== null) clearInterval(sending)
      clearTimeout(patience)
      const remotes = [first, remote(conn)]
      resolve({ error, got, wrong, gap, path: describe(conn.path), remotes, at: Date.now() })
    }
  })
}

/** All messages came, and in order. */
module.exports.isWhole = ({ error, got, wrong }) =>
  error === null && wrong === null && got === COUNT

function remote({ rawStream: { remoteHost, remotePort } }) {
  return `${remoteHost}:${remotePort}`
}

const COUNT = 600

/** Milliseconds. */
const PERIOD = 10
/** More than a connection without answers lives. */
const PATIENCE = 45_000
