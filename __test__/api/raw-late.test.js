// The raw stream of a connection, when the program looks at it late.

const test = require('brittle')
const { closed, once, pair, sleep, testnet } = require('../helpers/fixtures')

test('the streams of a node and of its sockets have those that nobody has looked at', async t => {
  const net = await testnet(t)
  const { server, dhts } = await pair(t, net)
  const [serverDht] = dhts
  t.is(serverDht.rawStreams.size, 1)
  const [found] = serverDht.rawStreams
  t.is(found, server.rawStream)

  const { socket } = server.rawStream
  const { streams } = socket
  t.alike([socket.toJSON().streams, streams.size, streams.has(found)], [1, 1, true])
})

test('a set of streams that a program keeps has the connections that come later', async t => {
  const { server, dhts, listener } = await pair(t, await testnet(t))
  const [serverDht, clientDht] = dhts
  const { streams } = server.rawStream.socket
  const before = streams.size

  const second = once(listener, 'connection')
  const client = clientDht.connect(listener.publicKey)
  client.on('error', () => {})
  const other = await second
  other.on('error', () => {})
  t.is(streams.size, before + 1)
  t.is(serverDht.rawStreams.size, 2)
  t.ok([...streams].includes(other.rawStream))

  const ended = Promise.all([closed(client), closed(other)])
  client.destroy()
  await ended
  t.is(streams.size, before)
})

test('the streams of a node are those that are open when the program gets to them', async t => {
  const { server, client, dhts, listener } = await pair(t, await testnet(t))
  const [serverDht, clientDht] = dhts
  const second = once(listener, 'connection')
  const other = clientDht.connect(listener.publicKey)
  other.on('error', () => {})
  const accepted = await second
  accepted.on('error', () => {})
  const ended = Promise.all([client, server, other, accepted].map(closed))

  let visited = 0
  for (const stream of serverDht.rawStreams) {
    visited++
    client.destroy()
    other.destroy()
    if (!stream.destroyed) await once(stream, 'close')
    await ended
  }
  t.is(visited, 1)
})

test('after the end of the peer', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const end = once(client, 'end')
  client.resume()
  server.end()
  await end

  const { rawStream } = client
  t.alike([rawStream.destroying, rawStream.connected], [false, true])
  const gone = once(rawStream, 'close')
  server.resume()
  client.end()
  await gone
  t.alike([rawStream.destroyed, rawStream.connected], [true, false])
})

test('after the own end', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const ended = closed(client)
  const end = once(server, 'end')
  server.resume()
  client.resume()
  client.end()
  await end

  const { rawStream } = client
  t.is(rawStream.connected, true)
  server.end()
  await ended
  if (!rawStream.destroyed) await once(rawStream, 'close')
  t.is(rawStream.connected, false)
})

test('after the end of both', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  server.resume()
  client.resume()
  const ended = Promise.all([closed(client), closed(server)])
  client.end()
  server.end()
  await ended

  for (const { rawStream } of [client, server]) {
    // the peer may not have acknowledged the end yet
    if (!rawStream.destroyed) await once(rawStream, 'close')
    t.alike([rawStream.socket, rawStream.connected, rawStream.destroyed], [null, false, true])
    t.ok(rawStream.bytesReceived > 0)
    t.is(rawStream.remoteHost, '127.0.0.1')
  }
  t.alike(
    [...dhts].map(dht => dht.rawStreams.size),
    [0, 0]
  )
})

test('after an error', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const ended = Promise.all([closed(client), closed(server)])
  client.destroy(new Error('of the program'))
  await ended

  const events = []
  for (const { rawStream } of [client, server]) {
    t.alike([rawStream.socket, rawStream.destroyed], [null, true])
    rawStream.on('error', () => events.push('error'))
  }
  await sleep(20)
  t.alike(events, [])
})

test('a socket is busy until its connections have closed', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const [serverDht] = dhts
  const { socket } = server.rawStream
  t.alike([socket.busy, socket.idle], [true, false])
  const idle = once(socket, 'idle')
  const ended = Promise.all([closed(client), closed(server)])
  client.destroy()
  await Promise.all([ended, idle])
  t.alike([socket.busy, socket.idle, serverDht.rawStreams.size], [false, true, 0])
})

for (const how of ['ends', 'is destroyed']) {
  test(`a look while the socket becomes idle: the connection ${how}`, async t => {
    const { server, client } = await pair(t, await testnet(t))
    const { socket } = server.rawStream
    const events = []
    socket.on('busy', () => events.push('busy'))
    socket.on('idle', () => {
      events.push('idle')
      server.rawStream.toJSON()
      t.is(socket.busy, false)
    })
    const ended = Promise.all([closed(client), closed(server)])
    client.resume()
    server.resume()
    if (how === 'ends') {
      client.end()
      server.end()
    } else client.destroy()
    await ended
    await sleep(20)
    t.alike(events, ['idle'])
  })
}
