// Keep-alives and time-outs of a connection: empty messages, and unusual intervals.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const busyFor = require('../helpers/busy')
const { node, pair, testnet, once, closed, sleep } = require('../helpers/fixtures')

test('empty messages stay filtered once a keep-alive was on', async t => {
  const net = await testnet(t)
  const { server, client } = await pair(t, net)
  server.setKeepAlive(0)
  t.alike(await lengths(server, client), [2], 'the default was on')

  const [off, other] = [await node(t, net, OFF), await node(t, net)]
  t.alike(await lengths(...(await connect(off, other))), [0, 2], 'it never was')

  const [reader, writer] = await connect(off, other)
  reader.setKeepAlive(10_000)
  reader.setKeepAlive(0)
  t.alike(await lengths(reader, writer), [2], 'it was for a moment')
})

test('empty messages of a dialled connection', async t => {
  const net = await testnet(t)
  const [off, other] = [await node(t, net, OFF), await node(t, net)]
  const [writer, reader] = await connect(other, off)
  t.alike(await lengths(reader, writer), [0, 2])

  const server = other.createServer(conn => {
    conn.on('error', noop)
    conn.resume()
    writeAll(conn)
  })
  await server.listen(DHT.keyPair())
  const early = off.connect(server.publicKey)
  early.on('error', noop)
  early.setKeepAlive(10_000)
  early.setKeepAlive(0)
  const seen = record(early)
  await once(early, 'end')
  t.alike(seen, [2], 'on before it has opened')
})

test('connectionKeepAlive is that of the connections to come', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)

  dht.connectionKeepAlive = 0
  const [accepted, client] = await connect(dht, other)
  t.is(accepted.keepAlive, 0)
  t.alike(await lengths(accepted, client), [0, 2])

  dht.connectionKeepAlive = 10_000
  const [later, again] = await connect(dht, other)
  t.is(later.keepAlive, 10_000)
  t.alike(await lengths(later, again), [2])
})

test('connectionKeepAlive that is set while a client is on its way', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net, OFF), await node(t, net, OFF)]
  const server = dht.createServer(conn => conn.on('error', noop))
  await server.listen(DHT.keyPair())

  const connection = once(server, 'connection')
  const client = other.connect(server.publicKey)
  client.on('error', noop)
  busyFor(300)
  dht.connectionKeepAlive = 20
  t.is((await connection).keepAlive, 20)
  t.is(await client.opened, true)
  const before = client.rawBytesRead
  while (client.rawBytesRead === before) await sleep(10)
  t.pass('and keeps the connection alive')
})

for (const ms of ['abc', -5, 0.5, true, '20']) {
  test(`setTimeout(${JSON.stringify(ms)}) is as long as that of a timer`, async t => {
    const { client } = await pair(t, await testnet(t, 2))
    client.setKeepAlive(0)
    const ending = closed(client)
    client.setTimeout(ms)
    t.is(client.timeout, ms)
    t.is((await ending)?.message, 'Stream timed out')
    t.is(client.timeout, 0)
  })
}

for (const ms of ['500', true, -5]) {
  test(`setKeepAlive(${JSON.stringify(ms)}) is kept as it is`, async t => {
    const { client, server } = await pair(t, await testnet(t, 2))
    const before = server.rawBytesRead
    client.setKeepAlive(ms)
    t.is(client.keepAlive, ms)
    while (server.rawBytesRead === before) await new Promise(resolve => setTimeout(resolve, 10))
    t.pass('and keeps the connection alive')
  })
}

test('no interval', async t => {
  const { client } = await pair(t, await testnet(t, 2))
  for (const ms of [0, null, undefined, NaN, false, '']) {
    client.setTimeout(ms)
    client.setKeepAlive(ms)
    t.is(client.timeout, 0)
    t.is(client.keepAlive, 0)
  }
})

test('intervals of a connection that has ended', async t => {
  const { client, server } = await pair(t, await testnet(t, 2))
  const ending = Promise.all([closed(client), closed(server)])
  client.setTimeout(60_000)
  client.end()
  await once(server, 'end')
  t.alike([client.keepAlive, client.timeout], [0, 60_000], 'our end')
  t.is(server.keepAlive, 5000)
  server.end()
  await ending
  t.alike([client.keepAlive, client.timeout], [0, 0], 'both')
  t.is(server.keepAlive, 0)
})

test('intervals of a connection that was destroyed', async t => {
  const { client, server, dhts } = await pair(t, await testnet(t, 2))
  const ending = Promise.all([closed(client), closed(server)])
  client.setTimeout(60_000)
  client.destroy()
  await ending
  t.alike([client.keepAlive, client.timeout, server.keepAlive], [0, 0, 0])

  const nowhere = dhts[1].connect(DHT.keyPair().publicKey)
  await closed(nowhere)
  t.is(nowhere.keepAlive, 5000, 'one that never opened')
})

const OFF = { connectionKeepAlive: false }

// The two ends of a new connection, the accepted one first.
async function connect(serverDht, clientDht) {
  const listener = serverDht.createServer()
  await listener.listen(DHT.keyPair())
  const connection = once(listener, 'connection')
  const client = clientDht.connect(listener.publicKey)
  client.on('error', noop)
  const server = await connection
  server.on('error', noop)
  await client.opened
  return [server, client]
}

// Sends an empty message and one of two bytes. Returns the lengths of those that arrive.
async function lengths(reader, writer) {
  const seen = record(reader)
  writeAll(writer)
  await once(reader, 'end')
  return seen
}

function record(reader) {
  const seen = []
  reader.on('data', data => seen.push(data.byteLength))
  return seen
}

function writeAll(writer) {
  writer.sendKeepAlive()
  writer.write('ab')
  writer.end()
}

function noop() {}
