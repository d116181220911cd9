// What a peer has sent before it destroys a stream reaches the reader, also if both arrive at once.

const test = require('brittle')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { closed, once, pair, testnet } = require('../helpers/fixtures')

const ROUNDS = 20

test('a connection', async t => {
  const net = await testnet(t)
  for (let i = 0; i < ROUNDS; i++) {
    const { client, server } = await pair(t, net)
    await arrives(t, server, client)
  }
})

test('a raw stream', async t => {
  for (let i = 0; i < ROUNDS; i++) {
    const sockets = [bound(t), bound(t)]
    const [a, b] = sockets.map((socket, i) => socket.udx.createStream(i + 1))
    a.connect(sockets[0], b.id, sockets[1].address().port)
    b.connect(sockets[1], a.id, sockets[0].address().port)
    await arrives(t, a, b)
  }
})

async function arrives(t, from, to) {
  const received = []
  const ended = [closed(from), closed(to)]
  from.write('first')
  received.push(await once(to, 'data'))
  to.on('data', data => received.push(data))
  from.write('last')
  // What is written in a turn of the event loop leaves at the next one.
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
  from.destroy()
  const [, error] = await Promise.all(ended)
  t.alike([b4a.toString(b4a.concat(received)), error?.code], ['firstlast', 'ECONNRESET'])
}

function bound(t) {
  const socket = new UDX().createSocket()
  socket.bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  return socket
}
