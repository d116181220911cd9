// The option reusableSocket: connections share the path and the socket of an earlier one.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { closed, node, once, testnet } = require('../helpers/fixtures')

test('200 connections share one socket', { timeout: 120_000 }, async t => {
  const { connect, accepted } = await peers(t)
  const first = await connect()
  const { socket } = first.rawStream
  const streams = [first]
  for (let i = 1; i < 200; i++) streams.push(await connect())
  t.ok(streams.every(({ rawStream }) => rawStream.socket === socket))
  t.is(socket.streams.size, 200)
  const sockets = new Set(accepted.map(({ rawStream }) => rawStream.socket))
  t.is(sockets.size, 1)

  const data = once(accepted[150], 'data')
  streams[150].write('one of them')
  t.alike(await data, b4a.from('one of them'))
})

test('without the option at both ends, each connection has a socket of its own', async t => {
  for (const [ofServer, ofClient] of [
    [false, true],
    [true, false]
  ]) {
    const { connect } = await peers(t, { ofServer })
    const sockets = []
    for (let i = 0; i < 3; i++) sockets.push((await connect(ofClient)).rawStream.socket)
    t.is(new Set(sockets).size, 3)
  }
})

test('one after the other: the socket waits for the next connection', async t => {
  const { connect, accepted } = await peers(t)
  let socket = null
  for (let i = 0; i < 5; i++) {
    const stream = await connect()
    socket = socket || stream.rawStream.socket
    t.is(stream.rawStream.socket, socket)
    const ended = [closed(stream), closed(accepted[i])]
    accepted[i].resume()
    stream.resume()
    stream.end()
    accepted[i].end()
    await Promise.all(ended)
  }
})

/**
 * Two nodes that have to punch, with a server at one of them. `accepted` are the server's ends, in
 * the order of their clients.
 */
async function peers(t, { ofServer = true } = {}) {
  const net = await testnet(t)
  const options = { quickFirewall: false }
  const [dht, other] = await Promise.all([node(t, net, options), node(t, net, options)])
  const server = dht.createServer({ reusableSocket: ofServer, shareLocalAddress: false })
  const accepted = []
  server.on('connection', stream => accepted.push(stream.on('error', noop)))
  await server.listen(DHT.keyPair())
  const connect = async (reusableSocket = true) => {
    const opts = { reusableSocket, localConnection: false }
    const stream = other.connect(server.publicKey, opts).on('error', noop)
    const connection = once(server, 'connection')
    if (!(await stream.opened)) t.fail('it does not open')
    await (await connection).opened
    return stream
  }
  return { connect, accepted }
}

function noop() {}
