// Sockets of UDX on IPv6 addresses, for tests that also run on machines without IPv6.

const test = require('brittle')

/** A test that needs IPv6. Where '::1' cannot be bound, it says so and passes. */
exports.testOf = function testOf(UDX) {
  const reason = whyNot(UDX)
  return function testIPv6(title, run) {
    test(
      title,
      reason === null ? run : t => t.pass(`not run, because ::1 cannot be bound: ${reason}`)
    )
  }
}

/** A socket bound to an address, which closes with the test. */
exports.bind = function bind(t, udx, host, opts) {
  const socket = udx.createSocket(opts)
  socket.bind(0, host)
  t.teardown(() => socket.close(), { order: 1 }) // after a node, whose stream it may carry
  return socket
}

// The socket closes before the process can end, since a bound socket keeps the process alive.
function whyNot(UDX) {
  const socket = new UDX().createSocket()
  try {
    socket.bind(0, '::1')
    return null
  } catch (err) {
    return err.message
  } finally {
    socket.close()
  }
}
