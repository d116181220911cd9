const test = require('brittle')
const b4a = require('b4a')
const { getStreamError } = require('streamx')
const { DHT } = require('../helpers/implementation')
const { node, testnet, pair, once, record, closed, sleep } = require('../helpers/fixtures')
const { readText } = require('../helpers/streams')

const EVENTS = ['handshake', 'connect', 'open', 'data', 'end', 'finish', 'close', 'error']

test('what is set when connect returns', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const server = dht.createServer(conn => conn.on('error', noop))
  await server.listen()
  const client = await node(t, net)

  const conn = client.connect(server.publicKey)
  conn.on('error', noop)
  t.is(conn.rawStream, null)
  t.is(conn.isInitiator, true)
  t.is(conn.connected, false)
  t.is(conn.handshakeHash, null)
  t.is(conn.noiseStream, conn)
  t.is(conn.userData, null)
  t.is(conn.keepAlive, 5000)
  t.is(conn.relay, null)
  t.is(conn.puncher, null)
  t.alike(conn.publicKey, client.defaultKeyPair.publicKey)
  t.alike(conn.remotePublicKey, server.publicKey)
  t.ok(conn.opened instanceof Promise)
  t.is(await conn.opened, true)
  t.is(conn.connected, true)
  t.is(conn.handshakeHash.byteLength, 64)
  t.is(conn.rawStream.remoteHost, '127.0.0.1')
  t.is(typeof conn.rawStream.remotePort, 'number')
})

test('the order of events, and what is set at connection', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  let serverEvents = null
  let serverClosed = null
  let atConnection = null

  const server = dht.createServer(conn => {
    atConnection = {
      connected: conn.connected,
      isInitiator: conn.isInitiator,
      handshakeHash: conn.handshakeHash.byteLength,
      remotePublicKey: b4a.toString(conn.remotePublicKey, 'hex'),
      publicKey: b4a.toString(conn.publicKey, 'hex'),
      remoteHost: conn.rawStream.remoteHost
    }
    serverEvents = record(conn, EVENTS)
    serverClosed = closed(conn)
    conn.on('data', data => conn.write(data))
    conn.on('end', () => conn.end())
  })
  await server.listen()

  const conn = client.connect(server.publicKey)
  const clientEvents = record(conn, EVENTS)
  conn.write('hello')
  conn.end()
  await closed(conn)
  await serverClosed

  t.alike(atConnection, {
    connected: false,
    isInitiator: false,
    handshakeHash: 64,
    remotePublicKey: b4a.toString(client.defaultKeyPair.publicKey, 'hex'),
    publicKey: b4a.toString(server.publicKey, 'hex'),
    remoteHost: '127.0.0.1'
  })
  t.alike(serverEvents.slice(0, 4), ['connect', 'open', 'data', 'end'])
  t.alike(serverEvents.slice(4), ['finish', 'close'])
  t.alike(clientEvents.slice(0, 3), ['handshake', 'connect', 'open'])
  t.alike(clientEvents.slice(3).sort(), ['close', 'data', 'end', 'finish'])
  t.is(clientEvents.at(-1), 'close')
})

test('both sides have the same handshake hash and each other as remote', async t => {
  const { server, client } = await pair(t, await testnet(t))
  t.alike(server.handshakeHash, client.handshakeHash)
  t.alike(server.remotePublicKey, client.publicKey)
  t.alike(client.remotePublicKey, server.publicKey)
})

test('a key pair of its own for a connection', async t => {
  const keyPair = DHT.keyPair()
  const { server, client } = await pair(t, await testnet(t), {}, { keyPair })
  t.alike(client.publicKey, keyPair.publicKey)
  t.alike(server.remotePublicKey, keyPair.publicKey)
})

test('what is written before open arrives, in order', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer(conn => {
    conn.write('s1')
    conn.write('s2')
    conn.end('s3')
    readText(conn).then(text => server.emit('text', text))
  })
  await server.listen()
  const text = once(server, 'text')

  const conn = client.connect(server.publicKey)
  conn.write('c1')
  conn.write(b4a.from('c2'))
  conn.end('c3')
  t.is(await readText(conn), 's1s2s3')
  t.is(await text, 'c1c2c3')
})

test('end at once still runs the handshake', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const ended = new Promise(resolve => {
    const server = dht.createServer(conn => {
      conn.on('data', noop)
      conn.on('end', () => {
        conn.end()
        resolve()
      })
    })
    server.listen().then(() => connect(server.publicKey))
  })
  let conn = null
  function connect(key) {
    conn = client.connect(key)
    conn.on('data', noop)
    conn.end()
  }
  await ended
  t.is(await closed(conn), null)
})

test('half-open: after end one still receives', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const text = readText(client)
  client.end()
  server.on('data', noop)
  await once(server, 'end')
  t.is(client.destroyed, false)

  server.write('still ')
  await sleep(50)
  server.end('here')
  t.is(await text, 'still here')
})

test('destroy: ECONNRESET at the peer, no error at home', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const atServer = closed(server)
  const atClient = closed(client)
  client.destroy()

  t.is(await atClient, null)
  const err = await atServer
  t.is(err.code, 'ECONNRESET')
  t.is(err.message, 'connection reset by peer')
  t.is(getStreamError(server), err)
})

test('destroy with an error emits it at home', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const atServer = closed(server)
  const atClient = closed(client)
  const mine = new Error('mine')
  server.destroy(mine)

  t.is(await atServer, mine)
  t.is((await atClient).code, 'ECONNRESET')
})

test('destroy of the node: close at home, ECONNRESET at the peer', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const atServer = closed(server)
  const atClient = closed(client)
  await dhts[0].destroy()

  t.is(await atServer, null)
  t.is((await atClient).code, 'ECONNRESET')
})

test('destroy before open: opened is false', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const server = dht.createServer(conn => conn.on('error', noop))
  await server.listen()
  const client = await node(t, net)
  const conn = client.connect(server.publicKey)
  conn.destroy()
  t.is(await conn.opened, false)
  t.is(await closed(conn), null)
})

test('an unknown key: PEER_NOT_FOUND', async t => {
  const client = await node(t, await testnet(t))
  const conn = client.connect(DHT.keyPair().publicKey)
  const events = record(conn, ['error', 'close'])
  const err = await closed(conn)

  t.is(err.code, 'PEER_NOT_FOUND')
  t.is(err.message, 'PEER_NOT_FOUND: Peer not found')
  t.is(err.name, 'DHTError')
  t.is(await conn.opened, false)
  t.alike(events, ['error', 'close'])
})

test('a closed server: PEER_NOT_FOUND', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const server = dht.createServer()
  await server.listen()
  const key = server.publicKey
  await server.close()
  const client = await node(t, net)
  t.is((await closed(client.connect(key))).code, 'PEER_NOT_FOUND')
})

test('connections outlive their server', async t => {
  const { server, client, listener } = await pair(t, await testnet(t))
  await listener.close()
  server.write('after')
  t.is(b4a.toString(await once(client, 'data')), 'after')
})

test('connect after destroy: an error event without a code', async t => {
  const client = await node(t, await testnet(t, 1))
  await client.destroy()
  const conn = client.connect(DHT.keyPair().publicKey)
  const err = await closed(conn)
  t.is(err.message, 'Node destroyed')
  t.is(err.code, undefined)
  t.is(await conn.opened, false)
})

test('server and client on one node', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer(conn => {
    conn.on('error', noop)
    conn.end('self')
  })
  await server.listen()
  const conn = dht.connect(server.publicKey, { keyPair: DHT.keyPair() })
  conn.end()
  t.is(await readText(conn), 'self')
})

test('keep-alive', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { connectionKeepAlive: 1234 })
  const off = await node(t, net, { connectionKeepAlive: false })
  t.is(dht.connectionKeepAlive, 1234)
  t.is(off.connectionKeepAlive, 0)
  const server = dht.createServer(conn => {
    t.is(conn.keepAlive, 1234)
    conn.on('error', noop)
    conn.on('data', noop)
  })
  await server.listen()

  const conn = off.connect(server.publicKey)
  conn.on('error', noop)
  t.is(conn.keepAlive, 0)
  await conn.opened
  conn.setKeepAlive(100)
  t.is(conn.keepAlive, 100)
  const before = conn.rawBytesWritten
  while (conn.rawBytesWritten === before) await sleep(10)
  t.pass('empty messages keep the path open')
  conn.setKeepAlive(0)
  t.is(conn.keepAlive, 0)
})

test('empty messages of a keep-alive are not data', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const seen = []
  server.on('data', data => seen.push(data.byteLength))
  client.sendKeepAlive()
  client.write('x')
  client.sendKeepAlive()
  client.end()
  await once(server, 'end')
  t.alike(seen, [1])
})

test('setTimeout destroys a silent stream', async t => {
  const { client } = await pair(t, await testnet(t))
  client.setKeepAlive(0)
  const ending = closed(client)
  client.setTimeout(100)
  t.is(client.timeout, 100)
  t.is((await ending)?.message, 'Stream timed out')
})

test('messages keep their boundaries, large ones too', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const sizes = [1, 7, 8, 1199, 1200, 65536, 100_001, 1_000_000]
  const seen = []
  server.on('data', data => seen.push(data.byteLength))
  for (const size of sizes) client.write(b4a.alloc(size, size & 255))
  client.end()
  await once(server, 'end')
  t.alike(seen, sizes)
})

test('a write beyond the limit', async t => {
  const { client } = await pair(t, await testnet(t))
  const ending = closed(client)
  client.write(b4a.alloc(256 * 256 * 256))
  t.is(
    (await ending)?.message,
    'Message is too large for an atomic write. Max size is 16777215 bytes.'
  )
})

test('alloc, userData, toJSON', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const buffer = client.alloc(3)
  t.is(buffer.byteLength, 3)
  buffer.set([97, 98, 99])
  client.write(buffer)
  t.is(b4a.toString(await once(server, 'data')), 'abc')

  const mine = {}
  client.userData = mine
  t.is(client.userData, mine)
  t.alike(Object.keys(client.toJSON()).sort(), [
    'connected',
    'destroyed',
    'destroying',
    'isInitiator',
    'publicKey',
    'rawStream',
    'remotePublicKey'
  ])
})

test('pause stops data, resume goes on', async t => {
  const { server, client } = await pair(t, await testnet(t))
  let seen = 0
  server.on('data', data => {
    seen += data.byteLength
  })
  server.pause()
  client.write('12345')
  await sleep(100)
  t.is(seen, 0)
  server.resume()
  client.end()
  await once(server, 'end')
  t.is(seen, 5)
})

test('async iteration', async t => {
  const { server, client } = await pair(t, await testnet(t))
  client.write('a')
  client.write('b')
  client.end()
  server.end()
  let text = ''
  for await (const data of server) text += b4a.toString(data)
  t.is(text, 'ab')
})

function noop() {}
