// `rawStream` of a connection: its ids, its addresses, its socket, and what is measured.

const test = require('brittle')
const { closed, once, pair, testnet } = require('../helpers/fixtures')

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
