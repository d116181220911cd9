// A UDP port that nobody has, for tests that must name one before they bind it.

const UDX = require('udx-native')

module.exports = async function freePort(host = '127.0.0.1') {
  const socket = new UDX().createSocket()
  socket.bind(0, host)
  const { port } = socket.address()
  await socket.close()
  return port
}
