/** Waits until a connection is open. One that never opens has no figure, and ends the run. */
module.exports = async function opened(conn) {
  if (!(await conn.opened)) throw new Error('a connection was closed before it opened')
}
