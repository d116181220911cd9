// Raw streams of a node: `createRawStream`, `connectRawStream`, and programs of others on top.

const test = require('brittle')
const b4a = require('b4a')
const BlindRelay = require('blind-relay')
const SecretStream = require('@hyperswarm/secret-stream')
const { DHT, UDX } = require('../helpers/implementation')
const { closed, node, once, pair, testnet, thrown } = require('../helpers/fixtures')

test('rawStreams are those that are not closed', async t => {
  const dht = await node(t, await testnet(t, 1))
  t.is(dht.rawStreams.size, 0)
  const streams = [dht.createRawStream(), dht.createRawStream({ framed: true })]
  t.is(dht.rawStreams.size, 2)
  t.alike(new Set(dht.rawStreams), new Set(streams))
  t.unlike(streams[0].id, streams[1].id)
  t.is(streams[0].udx, dht.udx)
  streams[0].destroy()
  await once(streams[0], 'close')
  t.is(dht.rawStreams.size, 1)
  await dht.rawStreams.clear()
  t.alike([dht.rawStreams.size, streams[1].destroyed], [0, true])
})

test('a connection is one of them, and has the socket of its node', async t => {
  const { client, server, dhts } = await pair(t, await testnet(t))
  const [serverDht, clientDht] = dhts
  t.ok(new Set(clientDht.rawStreams).has(client.rawStream))
  t.ok(new Set(serverDht.rawStreams).has(server.rawStream))
  t.is(client.rawStream.udx, clientDht.udx)
  t.is(client.rawStream.socket.udx, clientDht.udx)
  t.is(thrown(() => client.rawStream.connect(clientDht.socket, 1, 1))?.message, 'Already connected')
  const { io } = clientDht
  for (const socket of [io.clientSocket, io.serverSocket, clientDht.socket]) {
    t.is(socket.udx, clientDht.udx)
  }
  t.ok([io.clientSocket, io.serverSocket].includes(clientDht.socket))
})

test('a node on a UDX instance of the program', async t => {
  const udx = new UDX()
  const dht = await node(t, await testnet(t, 1), { udx })
  t.is(dht.udx, udx)
  t.is(dht.socket.udx, udx)
  const [a, b] = [dht.createRawStream(), udx.createStream(1)]
  const { port } = dht.io.serverSocket.address()
  a.connect(dht.io.serverSocket, b.id, port, '127.0.0.1')
  b.connect(dht.io.serverSocket, a.id, port, '127.0.0.1')
  a.write('on one socket')
  t.alike(await once(b, 'data'), b4a.from('on one socket'))
  b.on('error', () => {})
  const ended = closed(b)
  a.destroy()
  await ended
})

test('two nodes on one UDX instance, which has a socket and a stream of its own', async t => {
  const net = await testnet(t)
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const own = udx.createStream(1)
  const dhts = [await node(t, net, { udx }), await node(t, net, { udx })]
  for (const dht of dhts) t.alike([dht.udx, dht.socket.udx, dht.io.udx], [udx, udx, udx])

  const { client, server } = await connected(...dhts)
  client.write('between them')
  t.alike(await once(server, 'data'), b4a.from('between them'))

  const [a, b] = dhts.map(dht => dht.createRawStream())
  t.alike([a.udx, b.udx], [udx, udx])
  const ports = dhts.map(dht => dht.io.serverSocket.address().port)
  a.connect(dhts[0].io.serverSocket, b.id, ports[1], '127.0.0.1')
  b.connect(dhts[1].io.serverSocket, a.id, ports[0], '127.0.0.1')
  for (const stream of [a, b]) stream.on('error', () => {})
  a.write('raw')
  t.alike(await once(b, 'data'), b4a.from('raw'))

  await dhts[0].destroy()
  await dhts[1].ping(net.bootstrap[0])
  own.connect(socket, 1, socket.address().port, '127.0.0.1')
  own.write('its own')
  t.alike(await once(own, 'data'), b4a.from('its own'), 'what the instance had goes on')
  own.destroy()
  await once(own, 'close')
  await socket.close()
})

test('a UDX instance outlives its node', async t => {
  const net = await testnet(t, 1)
  const udx = new UDX()
  for (let i = 0; i < 2; i++) {
    const dht = await node(t, net, { udx })
    const a = dht.createRawStream()
    a.connect(dht.socket, a.id, dht.address().port, '127.0.0.1')
    a.write('again')
    t.alike(await once(a, 'data'), b4a.from('again'))
    a.destroy()
    await dht.destroy()
    t.ok(udx.bytesTransmitted > 0)
  }
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const stream = udx.createStream(2)
  stream.connect(socket, 2, socket.address().port, '127.0.0.1')
  stream.write('and on')
  t.alike(await once(stream, 'data'), b4a.from('and on'))
  stream.destroy()
  await once(stream, 'close')
  await socket.close()
})

test('streams on the sockets of two nodes', async t => {
  const { a, b, dhts } = await rawPair(t)
  t.is(a.socket, dhts[0].io.serverSocket)
  a.write('over the socket of the node')
  t.alike(await once(b, 'data'), b4a.from('over the socket of the node'))
  b.trySend(b4a.from('beside'))
  t.alike(await once(a, 'message'), b4a.from('beside'))
  const away = closed(b)
  a.destroy()
  t.is((await away).code, 'ECONNRESET')
})

test('connectRawStream takes the path of a connection', async t => {
  const { client, server, dhts } = await pair(t, await testnet(t))
  const [there, here] = dhts.map(dht => dht.createRawStream())
  server.write(b4a.from(String(there.id)))
  const remoteId = Number(b4a.toString(await once(client, 'data')))
  DHT.connectRawStream(server, there, here.id)
  DHT.connectRawStream(client, here, remoteId)
  t.is(here.socket, client.rawStream.socket)
  t.alike([here.remoteHost, here.remotePort], ['127.0.0.1', client.rawStream.remotePort])

  here.write('on the same path')
  t.alike(await once(there, 'data'), b4a.from('on the same path'))
  const ends = Promise.all([closed(here), closed(there)])
  here.destroy()
  await ends

  const ended = closed(client)
  client.destroy()
  await ended
  const late = dhts[1].createRawStream()
  const error = thrown(() => DHT.connectRawStream(client, late, 1))
  t.is(error.code, 'STREAM_NOT_CONNECTED')
})

test('suspend and destroy end the raw streams of a node', async t => {
  for (const way of ['suspend', 'destroy']) {
    const { a, b, dhts } = await rawPair(t)
    const [home, away] = [closed(a), closed(b)]
    await dhts[0][way]()
    t.is(await home, null, way)
    t.is((await away).code, 'ECONNRESET', way)
    t.is(dhts[0].rawStreams.size, 0, way)
  }
})

test('secret streams of the npm module on raw streams', async t => {
  const { a, b } = await rawPair(t, { framed: true })
  const [client, server] = [new SecretStream(true, a), new SecretStream(false, b)]
  await Promise.all([client.opened, server.opened])
  t.alike(client.remotePublicKey, server.publicKey)
  t.is(client.rawStream, a)

  const message = b4a.alloc(300_000, 'secret')
  client.write(message)
  t.alike(await once(server, 'data'), message)
  server.write('an answer')
  t.alike(await once(client, 'data'), b4a.from('an answer'))
  const unordered = once(server, 'message')
  await client.send(b4a.from('beside'))
  t.alike(await unordered, b4a.from('beside'))

  client.end()
  server.end()
  client.resume()
  server.resume()
  t.alike(await Promise.all([closed(client), closed(server)]), [null, null])
})

test('a blind relay of the npm module', async t => {
  const net = await testnet(t)
  const dhts = [await node(t, net), await node(t, net)]
  const { links, relay } = await controlLinks(t, net, dhts)
  const clients = links.map(link => BlindRelay.Client.from(link, { id: link.publicKey }))
  t.teardown(() => relay.close())

  const token = b4a.alloc(32, 7)
  const streams = dhts.map(dht => dht.createRawStream())
  await Promise.all(
    clients.map(async (client, i) => {
      const request = client.pair(i === 0, token, streams[i])
      const remoteId = await once(request, 'data')
      DHT.connectRawStream(links[i], streams[i], remoteId)
      // the relay learns the address of a peer from its first packet
      streams[i].trySend(b4a.alloc(0))
    })
  )
  const secret = streams.map((stream, i) => new SecretStream(i === 0, stream))
  for (const stream of secret) stream.on('error', () => {})
  await Promise.all(secret.map(stream => stream.opened))
  const message = b4a.alloc(200_000, 'relayed')
  secret[0].write(message)
  t.alike(await once(secret[1], 'data'), message)
  secret[1].write('back')
  t.alike(await once(secret[0], 'data'), b4a.from('back'))

  const ends = secret.map(closed)
  secret[0].destroy()
  await Promise.all(ends)
  t.pass('both ends have closed')
})

test('what a raw stream refuses', async t => {
  const { a, dhts } = await rawPair(t)
  t.is(thrown(() => a.connect(dhts[0].socket, 1, 1))?.message, 'Already connected')
  a.destroy()
  await once(a, 'close')
  t.is(a.relayTo(a), undefined)
  t.is(await a.send(b4a.from('x')), false)
})

/** A connection between two nodes. */
async function connected(serverDht, clientDht) {
  const listener = serverDht.createServer()
  await listener.listen(DHT.keyPair())
  const accepted = once(listener, 'connection')
  const client = clientDht.connect(listener.publicKey)
  const server = await accepted
  for (const stream of [client, server]) stream.on('error', () => {})
  return { client, server }
}

/** Two raw streams that are connected to each other, on the server sockets of two nodes. */
async function rawPair(t, opts) {
  const net = await testnet(t, 1)
  const dhts = [await node(t, net), await node(t, net)]
  const [a, b] = dhts.map(dht => dht.createRawStream(opts))
  for (const stream of [a, b]) stream.on('error', () => {})
  const sockets = dhts.map(dht => dht.io.serverSocket)
  a.connect(sockets[0], b.id, sockets[1].address().port, '127.0.0.1')
  b.connect(sockets[1], a.id, sockets[0].address().port, '127.0.0.1')
  return { a, b, dhts }
}

/** A relay on a node of its own, and the connections of two nodes to it. */
async function controlLinks(t, net, dhts) {
  const host = await node(t, net)
  const relay = new BlindRelay.Server({ createStream: opts => host.createRawStream(opts) })
  const server = host.createServer(socket => {
    socket.on('error', () => {})
    const session = relay.accept(socket, { id: socket.remotePublicKey })
    session.on('error', () => {})
  })
  await server.listen()
  const links = dhts.map(dht => dht.connect(server.publicKey))
  for (const link of links) link.on('error', () => {})
  await Promise.all(links.map(link => link.opened))
  return { links, relay }
}
