// `flush` of a connection and of its raw stream resolves when the peer has all written data.

const test = require('brittle')
const b4a = require('b4a')
const { node, pair, testnet, closed } = require('../helpers/fixtures')

test('what was written has arrived when flush resolves', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const before = server.rawStream.bytesReceived
  client.write(MIB)
  t.is(await client.flush(), true)
  t.ok(server.rawStream.bytesReceived - before >= MIB.byteLength)
})

test('what had reached the raw stream has arrived when its flush resolves', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const before = server.rawStream.bytesReceived
  client.write(MIB)
  await new Promise(resolve => queueMicrotask(resolve))
  t.is(await client.rawStream.flush(), true)
  t.ok(server.rawStream.bytesReceived - before >= MIB.byteLength)
})

test('flush has an end while somebody goes on writing', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const before = server.rawStream.bytesReceived
  server.resume()
  let writing = true
  let written = 0
  const write = () => {
    for (let goesOn = writing; goesOn; written += MIB.byteLength) goesOn = client.write(MIB)
    if (writing) client.once('drain', write)
  }
  write()
  for (const stream of [client, client.rawStream, client, client.rawStream]) {
    const mark = written
    t.is(await stream.flush(), true)
    t.ok(server.rawStream.bytesReceived - before >= mark, 'what was written before has arrived')
  }
  writing = false
})

test('flushes resolve in order', async t => {
  const { server, client } = await pair(t, await testnet(t))
  server.resume()
  const order = []
  const flushes = []
  for (let i = 0; i < 5; i++) {
    client.write(MIB)
    flushes.push(client.flush().then(() => order.push(i)))
  }
  await Promise.all(flushes)
  t.alike(order, [0, 1, 2, 3, 4])
})

test('flush before the connection is open', async t => {
  const net = await testnet(t)
  const serverDht = await node(t, net)
  const clientDht = await node(t, net)
  const listener = serverDht.createServer(conn => {
    conn.on('error', noop)
    conn.resume()
  })
  await listener.listen()
  const client = clientDht.connect(listener.publicKey)
  client.on('error', noop)
  client.write('early')
  t.is(await client.flush(), true)
  t.ok(client.rawStream.bytesTransmitted > 0)
})

test('flush of a connection that never opens', async t => {
  const net = await testnet(t)
  const client = (await node(t, net)).connect(b4a.alloc(32, 7))
  client.on('error', noop)
  client.write('never')
  const flushed = client.flush()
  client.destroy()
  t.is(await flushed, false)
})

test('flush of what was still queued when we destroyed', async t => {
  const { client } = await pair(t, await testnet(t))
  client.write(MIB)
  const flushed = client.flush()
  client.destroy()
  t.is(await flushed, false)
})

test('flush after the end', async t => {
  const { server, client } = await pair(t, await testnet(t))
  server.resume()
  server.on('end', () => server.end())
  t.is(await client.flush(), true, 'nothing was written')
  t.is(await client.rawStream.flush(), true)

  const ending = closed(client)
  const { rawStream } = client
  client.end('last')
  await ending
  t.is(await client.flush(), false)
  t.is(await rawStream.flush(), false)
})

function noop() {}

const MIB = b4a.alloc(1024 * 1024)
