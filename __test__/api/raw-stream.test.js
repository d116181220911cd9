// `rawStream` of a connection: its ids, its addresses, its socket, what is measured, and what a
// program does with it.

const test = require('brittle')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { closed, node, once, pair, record, testnet, thrown } = require('../helpers/fixtures')

const COUNTERS = ['bytesTransmitted', 'bytesReceived', 'packetsTransmitted', 'packetsReceived']
const LOSSES = ['inflight', 'retransmits', 'fastRecoveries', 'rtoCount']

test('each end knows the other', async t => {
  const { server, client } = await pair(t, await testnet(t))
  for (const [here, there] of [
    [client.rawStream, server.rawStream],
    [server.rawStream, client.rawStream]
  ]) {
    t.is(here.id, there.remoteId)
    t.is(here.remoteHost, '127.0.0.1')
    t.is(here.remotePort, there.localPort)
    t.is(here.remoteFamily, 4)
    t.is(here.connected, true)
    t.is(here.userData, null)

    const { socket } = here
    t.alike([here.localHost, here.localPort, here.localFamily], ['127.0.0.1', here.localPort, 4])
    t.is(socket.address().port, here.localPort)
    t.ok(socket.streams.has(here))
    t.alike([socket.busy, socket.idle, socket.bound, socket.closing], [true, false, true, false])
    t.alike(here.toJSON().socket, socket.toJSON())
  }
})

test('numbers, which grow with the traffic', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const { rawStream } = client
  const before = COUNTERS.map(name => rawStream[name])
  client.write('there')
  await once(server, 'data')
  server.write('back')
  await once(client, 'data')
  for (const [i, name] of COUNTERS.entries()) t.ok(rawStream[name] > before[i], name)
  for (const name of LOSSES) t.ok(rawStream[name] >= 0, name)
  t.ok(rawStream.rtt >= 0 && rawStream.cwnd > 0 && rawStream.mtu >= 1200)
  t.ok([0, 1, 2, 3].includes(rawStream.bbrState) && rawStream.bbrBandwidth >= 0)
})

test('messages of a program go both ways, and are none of the connection', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const secret = [client, server].map(stream => record(stream, ['message', 'data', 'error']))
  for (const [from, to] of [
    [client.rawStream, server.rawStream],
    [server.rawStream, client.rawStream]
  ]) {
    const sent = once(to, 'message')
    t.is(await from.send(b4a.from('sent')), true)
    t.alike(await sent, b4a.from('sent'))
    const tried = once(to, 'message')
    t.is(from.trySend(b4a.alloc(1000, 'tried')), undefined)
    t.alike(await tried, b4a.alloc(1000, 'tried'))
    const empty = once(to, 'message')
    from.trySend(b4a.alloc(0))
    t.is((await empty).byteLength, 0)
  }
  t.alike(secret, [[], []])
  client.write('and the connection goes on')
  t.alike(await once(server, 'data'), b4a.from('and the connection goes on'))
})

test('a message that a client sends at once is heard', async t => {
  const net = await testnet(t)
  const [serverDht, clientDht] = [await node(t, net), await node(t, net)]
  const got = new Promise(resolve => {
    const listener = serverDht.createServer(conn => {
      conn.on('error', () => {})
      conn.rawStream.on('message', resolve)
    })
    listener.listen().then(() => {
      const client = clientDht.connect(listener.publicKey)
      client.on('error', () => {})
      client.on('open', () => client.rawStream.trySend(b4a.from('at once')))
    })
  })
  t.alike(await got, b4a.from('at once'))
})

test('a tunnel of datagrams', async t => {
  const { server, client } = await pair(t, await testnet(t))
  server.rawStream.on('message', message => server.rawStream.trySend(message))
  const back = new Set()
  const all = new Promise(resolve => {
    client.rawStream.on('message', message => {
      back.add(b4a.toString(message))
      if (back.size === 100) resolve()
    })
  })
  for (let i = 0; i < 100; i++) await client.rawStream.send(b4a.from('datagram ' + i))
  await all
  t.is(back.size, 100)
})

test('messages of a connection are sealed, also for its raw stream', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const plain = []
  server.rawStream.on('message', message => plain.push(b4a.toString(message)))
  const opened = once(server, 'message')
  client.trySend(b4a.from('sealed'))
  t.alike(await opened, b4a.from('sealed'))
  t.absent(plain.includes('sealed'))
})

for (const side of ['client', 'server']) {
  test(`changeRemote: to another socket, ${side}`, async t => {
    const { streams, other, peer, sockets } = await moving(t, side)
    const { rawStream } = streams[0]
    const former = rawStream.socket
    t.not(former, other)
    const changed = once(rawStream, 'remote-changed')
    await rawStream.changeRemote(other, peer.id, peer.localPort, '127.0.0.1')
    await changed
    t.is(rawStream.socket, other)
    t.alike([former.streams.has(rawStream), other.streams.has(rawStream)], [false, true])
    t.is(rawStream.localPort, sockets.port)
    await exchange(t, streams)
  })
}

test('changeRemote: in the middle of the traffic', async t => {
  const { streams, other, peer } = await moving(t, 'client')
  const [mover, stays] = streams
  let received = 0
  const all = new Promise(resolve => {
    stays.on('data', data => {
      received += data.byteLength
      if (received === 3 * 200_000) resolve()
    })
  })
  mover.write(b4a.alloc(200_000, 'a'))
  mover.write(b4a.alloc(200_000, 'b'))
  await mover.rawStream.changeRemote(other, peer.id, peer.localPort, '127.0.0.1')
  mover.write(b4a.alloc(200_000, 'c'))
  await all
  t.is(received, 600_000)
})

test('changeRemote: what it refuses', async t => {
  const { streams, other, peer } = await moving(t, 'client')
  const { rawStream } = streams[0]
  const message = (...args) => thrown(() => rawStream.changeRemote(...args))?.message
  t.is(message(other, peer.id, 0), '0 is not a valid port')
  t.is(message(other, peer.id, 1, 'x'), 'x is not a valid IP address')
  const foreign = new UDX().createSocket()
  t.is(message(foreign, peer.id, 1), 'Cannot change to a socket on another UDX instance')

  const ends = Promise.all(streams.map(closed))
  streams[0].destroy()
  await ends
  t.is(message(other, peer.id, 1), 'Not yet connected')
  t.is(await rawStream.send(b4a.from('x')), false)
  t.is(rawStream.trySend(b4a.from('x')), undefined)
})

test('relayTo: two connections that forward to each other', async t => {
  const net = await testnet(t)
  const relay = await node(t, net)
  const accepted = []
  const listener = relay.createServer(conn => {
    conn.on('error', () => {})
    accepted.push(conn)
  })
  await listener.listen()
  const ends = []
  for (let i = 0; i < 2; i++) {
    const client = (await node(t, net)).connect(listener.publicKey)
    client.on('error', () => {})
    await client.opened
    ends.push(client)
  }
  while (accepted.length < 2) await once(listener, 'connection')
  const [one, two] = accepted
  t.is(one.rawStream.relayTo(two.rawStream), undefined)
  two.rawStream.relayTo(one.rawStream)
  for (const [from, to] of [ends, [...ends].reverse()]) {
    const forwarded = once(to.rawStream, 'message')
    from.rawStream.trySend(b4a.from('through the relay'))
    t.alike(await forwarded, b4a.from('through the relay'))
  }
  const away = closed(ends[1])
  ends[0].destroy()
  t.is((await away).code, 'ECONNRESET', 'so is the end')
})

test('a raw stream of the program forwards to one of a connection', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const [serverDht, clientDht] = dhts
  const gate = clientDht.createRawStream()
  const source = serverDht.createRawStream()
  const { socket } = serverDht
  gate.relayTo(client.rawStream)
  gate.connect(clientDht.socket, source.id, socket.address().port, '127.0.0.1')
  source.connect(socket, gate.id, clientDht.socket.address().port, '127.0.0.1')
  const forwarded = once(server.rawStream, 'message')
  source.trySend(b4a.from('by a detour'))
  t.alike(await forwarded, b4a.from('by a detour'))
  source.destroy()
  gate.destroy()
})

test('flush, setInteractive, setKeepalive', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const { rawStream } = client
  t.is(await rawStream.flush(), true)
  t.is(rawStream.setInteractive(true), undefined)
  t.is(rawStream.setKeepalive(1000), undefined)
  t.is(rawStream.setKeepalive(0), undefined)
  client.write('x')
  t.is((await once(server, 'data')).byteLength, 1)
  const ends = Promise.all([closed(client), closed(server)])
  client.destroy()
  await ends
  t.is(await rawStream.flush(), false)
})

test('events of a connection that both have ended', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const seen = [client, server].map(({ rawStream }) => {
    return record(rawStream, ['end', 'finish', 'error', 'close'])
  })
  const ends = Promise.all([client, server, client.rawStream, server.rawStream].map(closed))
  client.resume()
  server.resume()
  client.end()
  await once(server, 'end')
  server.end()
  await ends
  t.alike(seen[0].slice(0, 2), ['finish', 'end'])
  t.is(seen[0].at(-1), 'close')
  t.is(seen[1][0], 'end')
  t.is(seen[1].at(-1), 'close')
  t.absent(seen.flat().includes('error'))
})

test('events of a connection that is destroyed, with an error or without', async t => {
  const net = await testnet(t)
  for (const error of [null, new Error('because')]) {
    const { server, client } = await pair(t, net)
    const ends = Promise.all([closed(client.rawStream), closed(server.rawStream)])
    client.destroy(error)
    const [home, away] = await ends
    t.is(home, error)
    t.is(away.code, 'ECONNRESET')
  }
})

test('destroy of a raw stream destroys the connection', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const ends = Promise.all([closed(client), closed(server)])
  const error = new Error('from below')
  client.rawStream.destroy(error)
  const [home, away] = await ends
  t.is(home, error)
  t.is(away.code, 'ECONNRESET')
})

test('after the end', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const { rawStream } = client
  const { socket } = rawStream
  const gone = once(rawStream, 'close')
  const ended = Promise.all([closed(client), closed(server), gone])
  client.destroy()
  await ended
  t.alike([rawStream.socket, rawStream.connected], [null, false])
  t.alike([rawStream.localHost, rawStream.localPort, rawStream.localFamily], [null, 0, 0])
  t.absent(socket.streams.has(rawStream))
  t.is(rawStream.remoteHost, '127.0.0.1')
})

for (const way of ['destroy', 'end', 'reset']) {
  test(`numbers that are first read after the close: ${way}`, async t => {
    const { server, client } = await pair(t, await testnet(t))
    server.resume()
    client.resume()
    const ended = Promise.all([closed(client), closed(server)])
    client.write('a few words')
    await client.flush()
    if (way === 'destroy') client.destroy()
    else if (way === 'end') end(client, server)
    else server.destroy()
    await ended
    for (const { rawStream } of [client, server]) {
      for (const name of COUNTERS) t.ok(rawStream[name] > 0, name)
    }
  })
}

function end(client, server) {
  client.end()
  server.end()
}

/**
 * A connection of which one end will move to another socket of its node: its streams, the one that
 * moves first.
 */
async function moving(t, side) {
  const { client, server, dhts } = await pair(t, await testnet(t))
  const [serverDht, clientDht] = dhts
  const streams = side === 'client' ? [client, server] : [server, client]
  const dht = side === 'client' ? clientDht : serverDht
  const other = dht.udx.createSocket()
  other.bind(0, '127.0.0.1')
  t.teardown(() => other.close(), { order: 1 })
  return { streams, other, peer: streams[1].rawStream, sockets: other.address() }
}

/** Sends something each way. */
async function exchange(t, streams) {
  for (const [from, to] of [streams, [...streams].reverse()]) {
    from.write('to the other end')
    t.alike(await once(to, 'data'), b4a.from('to the other end'))
    await from.flush()
  }
}
