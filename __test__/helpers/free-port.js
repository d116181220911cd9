// A free UDP port, for tests that must name a port before they bind it.

const UDX = require('udx-native')

module.exports = async function freePort(host = '127.0.0.1') {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    const socket = new UDX().createSocket()
    try {
      socket.bind(port, host)
      return port
    } catch (err) {
      if (err.code !== 'EADDRINUSE') throw err
    } finally {
      await socket.close()
    }
  }
}

/**
 * These ports are below the ones that systems give to sockets, so that no other program gets the
 * port before the test binds it.
 */
const FIRST = 20_000
const COUNT = 12_000
