// Answers a question with the public address from which it came. The answer leaves from the socket
// that was asked, or from the one that the question names.

const dgram = require('dgram')
const { once } = require('events')

process.once('disconnect', () => process.exit())
process.once('message', async ({ addresses }) => {
  const places = addresses.slice(0, 2).flatMap(host => PORTS.map(port => [host, port]))
  const sockets = new Map()
  for (const [host, port] of places) {
    const socket = dgram.createSocket('udp4').bind(port, host)
    await once(socket, 'listening')
    sockets.set(`${host}:${port}`, socket)
    socket.on('message', (message, from) => {
      const { id, via } = JSON.parse(message)
      sockets.get(via).send(JSON.stringify({ id, port: from.port }), from.port, from.address)
    })
  }
  process.send({ places: [...sockets.keys()] })
})

const PORTS = [7001, 7002]
