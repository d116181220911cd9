// A raw stream beside a connection whose two ends have found different paths: one end sends from
// another socket than the one that its peer sends to.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { internalsOf } = require('../../lib/util/internals')
const { node, once, pair, record, rejected, testnet } = require('../helpers/fixtures')

const HOST = '127.0.0.1'
const ELSEWHERE = { host: HOST, family: 4, port: 1 }

for (const side of ['client', 'server']) {
  test(`the ${side} sends from another socket than it is sent to`, async t => {
    const { here, there } = await crossed(t, side)
    const streams = [here, there].map(({ dht }) => dht.createRawStream())
    const [near, far] = streams
    DHT.connectRawStream(there.connection, far, near.id)
    DHT.connectRawStream(here.connection, near, far.id)

    // each goes back on the way that the other end's packets come
    t.is(far.remotePort, here.sendsFrom.address().port)
    t.is(near.socket, here.isSentTo)
    t.is(near.remotePort, far.localPort)
    await exchange(t, near, far)
  })

  test(`the ${side} does, and the stream there stays on the socket that sends`, async t => {
    const { here, there } = await crossed(t, side)
    const [near, far] = [here, there].map(({ dht }) => dht.createRawStream())
    DHT.connectRawStream(there.connection, far, near.id)
    const { socket, remotePort, remoteHost } = here.connection.rawStream
    t.is(socket, here.sendsFrom)
    near.connect(socket, far.id, remotePort, remoteHost)
    await exchange(t, near, far)
  })
}

test('a report of an earlier move does not undo a move of the program', async t => {
  const { dht, a, b, link } = await moving(t)
  const { clientSocket, serverSocket } = dht.io
  const { port } = serverSocket.address()
  b.connect(serverSocket, a.id, clientSocket.address().port, HOST)
  a.connect(clientSocket, b.id, port, HOST)
  const third = dht.udx.createSocket()
  third.bind(0, HOST)

  const changed = a.changeRemote(third, b.id, port, HOST)
  link.onpathchanged({ socket: clientSocket.id, remote: ELSEWHERE })
  t.is(a.remotePort, port)
  await changed
  a.write('over the new path')
  await once(b, 'data')
  t.is(a.remotePort, port)
  t.is(a.socket, third)
  t.absent(clientSocket.streams.has(a))
  await Promise.all([a, b].map(destroyed))
  await third.close()
})

test('the end of an earlier move is not that of a move of the program', async t => {
  const { dht, a, b, link } = await moving(t)
  const { clientSocket } = dht.io
  a.connect(clientSocket, b.id, ELSEWHERE.port, HOST)
  a.write('to nobody')
  while (!link.hasUnacknowledged) await new Promise(resolve => setImmediate(resolve))

  const ends = record(a, ['remote-changed'])
  const changed = rejected(a.changeRemote(clientSocket, b.id, ELSEWHERE.port, HOST))
  link.onremotechanged()
  t.alike(ends, [])
  await Promise.all([a, b].map(destroyed))
  t.is((await changed).message, 'Stream is closed')
})

/** Two raw streams of one node, and the link of the first. */
async function moving(t) {
  const dht = await node(t, await testnet(t, 1))
  const [a, b] = [dht.createRawStream({ firewall: () => false }), dht.createRawStream()]
  return { dht, a, b, link: internalsOf(dht).connections.get(0) }
}

function destroyed(stream) {
  stream.on('error', noop).destroy()
  return once(stream, 'close')
}

/** A connection; `here` is the end that sends from another socket. */
async function crossed(t, side) {
  const { client, server, dhts } = await pair(t, await testnet(t))
  const ends = [
    { connection: server, dht: dhts[0] },
    { connection: client, dht: dhts[1] }
  ]
  const [here, there] = side === 'server' ? ends : ends.reverse()
  const { rawStream } = here.connection
  const { clientSocket, serverSocket } = here.dht.io
  here.isSentTo = rawStream.socket
  here.sendsFrom = rawStream.socket === serverSocket ? clientSocket : serverSocket
  const { remoteId, remotePort, remoteHost } = rawStream
  rawStream.changeRemote(here.sendsFrom, remoteId, remotePort, remoteHost).catch(() => {})
  for (const [from, to] of [
    [here, there],
    [there, here]
  ]) {
    from.connection.write('where I am')
    await once(to.connection, 'data')
  }
  return { here, there }
}

/** Sends something each way. */
async function exchange(t, near, far) {
  for (const stream of [near, far]) {
    stream.on('error', () => {})
    t.teardown(() => stream.destroy(), { order: -1 })
  }
  for (const [from, to] of [
    [near, far],
    [far, near]
  ]) {
    from.write('beside')
    t.alike(await once(to, 'data'), b4a.from('beside'))
  }
}

function noop() {}
