// The raw stream of a connection, where it differs from the reference's (docs/COMPATIBILITY.md), and
// how it is created when a program looks at it.

const test = require('brittle')
const b4a = require('b4a')
const { internalsOf } = require('../../lib/util/internals')
const { closed, once, pair, record, testnet, thrown } = require('../helpers/fixtures')

test('write throws: the secret stream writes there', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const { rawStream } = client
  for (const call of [() => rawStream.write('x'), () => rawStream.end('x')]) {
    t.ok(/write to the connection/.test(thrown(call)?.message))
  }
  client.write('unharmed')
  t.alike(await once(server, 'data'), b4a.from('unharmed'))
})

test('end ends the write side of the connection', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const ends = Promise.all([closed(client), closed(server)])
  const finished = new Promise(resolve => client.rawStream.end(resolve))
  server.on('end', () => server.end())
  server.resume()
  client.resume()
  await finished
  t.alike(await ends, [null, null])
})

test('the program gets only its own messages, and no encrypted bytes', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const seen = record(server.rawStream, ['message', 'data'])
  const sealed = once(server, 'message')
  client.trySend(b4a.from('sealed'))
  await sealed
  client.write('x')
  await once(server, 'data')
  t.alike(seen, [])
})

test('a message that is not sealed counts as dropped by the secret stream', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const got = once(server.rawStream, 'message')
  client.rawStream.trySend(b4a.from('plain'))
  await got
  t.is(dhts[0].stats.dropped.message, 1)
})

test('a stream that is looked at late is told of the ends that it has missed', async t => {
  const { server, client } = await pair(t, await testnet(t))
  server.resume()
  client.resume()
  const ends = Promise.all([once(client, 'end'), once(client, 'finish')])
  server.end()
  client.end()
  await ends
  const { rawStream } = client
  if (rawStream.destroyed) return t.pass('the peer was faster')
  await Promise.all([once(rawStream, 'end'), once(rawStream, 'finish')])
})

test('packets go elsewhere before the program looks at the stream', async t => {
  const { client, dhts } = await pair(t, await testnet(t))
  const dht = dhts[1]
  const { connections, sockets } = internalsOf(dht)
  const [former, other] = [sockets.client, sockets.server].sort((a, b) => b.busy - a.busy)
  const channel = connections.get(0)
  const remote = { host: '8.8.8.8', port: 8 }
  channel.onpathchanged({ kind: 'direct', relay: null, remote, socket: other.id, punch: null })
  t.alike([former.busy, other.busy], [true, true])
  channel.onremotechanged()
  t.alike([former.busy, other.busy], [false, true])

  const { rawStream } = client
  t.alike([rawStream.remoteHost, rawStream.remotePort], ['8.8.8.8', 8])
  t.ok(rawStream.socket === other)
  const ended = closed(client)
  client.destroy()
  await ended
  t.alike([former.busy, other.busy, dht.rawStreams.size], [false, false, 0])
})

test('a listener of a socket that throws while a connection closes', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const { sockets } = internalsOf(dhts[1])
  const socket = [sockets.client, sockets.server].find(({ busy }) => busy)
  const channel = internalsOf(dhts[1]).connections.get(0)
  socket.once('idle', () => {
    throw new Error('of a listener')
  })
  t.ok(thrown(() => channel.destroy()))
  t.alike([client.rawStream.connected, socket.idle, dhts[1].rawStreams.size], [false, true, 0])
  const ended = closed(server)
  server.destroy()
  await ended
})
