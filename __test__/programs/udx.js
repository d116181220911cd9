// A UDX instance keeps the process alive while a socket is bound, or a name is being resolved.

const { UDX } = require('../helpers/implementation')

main()

async function main() {
  const udx = new UDX()
  udx.createStream(1)
  udx.createSocket()
  await udx.lookup('127.0.0.1')
  console.log('resolved')

  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  setTimeout(() => {
    console.log('alive')
    socket.close()
  }, 100).unref()
}
