// The raw streams of a connection between our node and the reference's: messages, and a move to
// another socket while the connection carries data.

const test = require('brittle')
const b4a = require('b4a')
const DHT = require('../..')
const Reference = require('hyperdht-reference')
const createTestnet = require('hyperdht-reference/testnet')
const { once } = require('../helpers/fixtures')

for (const [Client, Server, title] of [
  [DHT, Reference, 'our client, their server'],
  [Reference, DHT, 'their client, our server']
]) {
  test(`messages: ${title}`, async t => {
    for (const [from, to] of bothWays(await connection(t, Client, Server))) {
      const got = once(to.stream.rawStream, 'message')
      t.is(await from.stream.rawStream.send(b4a.from('a datagram')), true)
      t.alike(await got, b4a.from('a datagram'))
      const sealed = once(to.stream, 'message')
      from.stream.trySend(b4a.from('a sealed one'))
      t.alike(await sealed, b4a.from('a sealed one'))
    }
  })

  test(`changeRemote: ${title}`, async t => {
    for (const [mover, peer] of bothWays(await connection(t, Client, Server))) {
      const socket = mover.dht.udx.createSocket()
      socket.bind(0, '127.0.0.1')
      t.teardown(() => socket.close(), { order: 1 }) // after the node, whose stream it carries
      const all = receive(peer.stream, 3 * CHUNK)
      const { id, localPort } = peer.stream.rawStream
      mover.stream.write(b4a.alloc(CHUNK))
      mover.stream.write(b4a.alloc(CHUNK))
      await mover.stream.rawStream.changeRemote(socket, id, localPort, '127.0.0.1')
      t.is(mover.stream.rawStream.socket, socket)
      mover.stream.write(b4a.alloc(CHUNK))
      t.is(await all, 3 * CHUNK)
      peer.stream.write('and back')
      t.alike(await once(mover.stream, 'data'), b4a.from('and back'))
    }
  })
}

const CHUNK = 200_000

/** The two ends of a connection, each with its node. */
async function connection(t, Client, Server) {
  const net = await createTestnet(4, t.teardown)
  const options = { bootstrap: net.bootstrap, host: '127.0.0.1' }
  const [client, server] = [new Client(options), new Server(options)]
  for (const dht of [client, server]) {
    t.teardown(() => dht.destroy())
    await dht.fullyBootstrapped()
  }
  const listener = server.createServer()
  await listener.listen()
  const accepted = once(listener, 'connection')
  const stream = client.connect(listener.publicKey).on('error', noop)
  const other = (await accepted).on('error', noop)
  await Promise.all([stream.opened, other.opened])
  return [
    { dht: client, stream },
    { dht: server, stream: other }
  ]
}

function bothWays([one, other]) {
  return [
    [one, other],
    [other, one]
  ]
}

/** Reads so many bytes. */
function receive(stream, bytes) {
  return new Promise(resolve => {
    let received = 0
    stream.on('data', function ondata(data) {
      received += data.byteLength
      if (received < bytes) return
      stream.off('data', ondata)
      resolve(received)
    })
  })
}

function noop() {}
