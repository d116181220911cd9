// Messages to a server that sends them back.

let sent = 0

/**
 * Sends messages at once, and resolves when all of them are back. Rejects if one is not the next.
 *
 * @param {object} conn
 * @param {number} count
 */
module.exports = function echo(conn, count) {
  const first = sent
  sent += count
  for (let i = first; i < sent; i++) conn.write(`message ${i}`)
  return new Promise((resolve, reject) => {
    let next = first
    conn.on('data', onback)

    function onback(data) {
      if (String(data) !== `message ${next}`) {
        conn.off('data', onback)
        reject(new Error(`'${data}' instead of message ${next}`))
      } else if (++next === first + count) {
        conn.off('data', onback)
        resolve()
      }
    }
  })
}
