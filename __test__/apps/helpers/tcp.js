// A service that a tunnel leads to, and a client of it: random bytes both ways, and their hashes. Each
// end waits for the other's confirmation: tunnels close both ways when one has ended.

const crypto = require('crypto')
const net = require('net')
const exchange = require('../../helpers/exchange')

/** Listens for the test `t`; resolves with its port. Each connection gets `bytes`. */
exports.service = async function service(t, bytes) {
  const reports = []
  const server = net.createServer({ allowHalfOpen: true }, conn => {
    reports.push(exchange(conn, bytes, { confirms: true }))
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { port: server.address().port, reports }
}

/** Connects to the near end of the tunnel, and checks what both ends got. */
exports.transfer = async function transfer(t, port, { reports }, bytes) {
  const conn = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const near = await exchange(conn, bytes, { confirms: true })
  const far = await reports.pop()
  t.alike([near.error, far.error], [null, null])
  t.is(near.receivedBytes, bytes)
  t.is(far.receivedBytes, bytes)
  t.is(near.received, far.sent, 'hash of the way out')
  t.is(far.received, near.sent, 'hash of the way in')
}

/** A seed as commands take it. */
exports.seed = function seed() {
  return crypto.randomBytes(32).toString('hex')
}

/** A TCP port that is free now, for commands that cannot tell which one they got. */
exports.freePort = function freePort() {
  return new Promise(resolve => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
