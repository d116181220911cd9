// createSecretStream of a client and of a server: the program makes the secret stream, with
// @hyperswarm/secret-stream from npm, over the raw stream of the connection.

const test = require('brittle')
const b4a = require('b4a')
const SecretStream = require('@hyperswarm/secret-stream')
const { DHT, UDX, deep } = require('../helpers/implementation')
const { closed, node, once, pair, testnet, thrown } = require('../helpers/fixtures')

const NoiseWrap = deep('lib/noise-wrap')

test('the secret stream of npm at both ends', async t => {
  const net = await testnet(t)
  const calls = []
  const createSecretStream = (...args) => {
    calls.push(args)
    return new SecretStream(...args)
  }
  const options = { createSecretStream }
  const { client, server, listener } = await pair(t, net, options, options)

  t.is(listener.createSecretStream, createSecretStream)
  t.ok(client instanceof SecretStream && server instanceof SecretStream)
  const [ofClient, ofServer] = calls
  t.is(calls.length, 2)
  t.alike([ofClient[0], ofClient[1], ofClient.length], [true, null, 3])
  t.alike(Object.keys(ofClient[2]).sort(), CLIENT_OPTIONS)
  t.alike(ofClient[2].remotePublicKey, listener.publicKey)
  t.alike([ofClient[2].autoStart, ofClient[2].keepAlive], [false, 5000])
  t.alike([ofServer[0], ofServer.length], [false, 3])
  t.is(ofServer[1], server.rawStream)
  t.alike(Object.keys(ofServer[2]).sort(), ['handshake', 'keepAlive'])
  t.ok(ofServer[2].handshake.hash)

  t.alike(client.handshakeHash, server.handshakeHash)
  t.alike(client.remotePublicKey, listener.publicKey)
  t.alike(server.remotePublicKey, client.publicKey)
  await exchange(t, client, server)
  await end(t, client, server)
})

const CLIENT_OPTIONS = ['autoStart', 'keepAlive', 'publicKey', 'remotePublicKey']

test('one end is enough', async t => {
  const net = await testnet(t)
  for (const ends of [
    [{ createSecretStream }, {}],
    [{}, { createSecretStream }]
  ]) {
    const { client, server } = await pair(t, net, ...ends)
    await exchange(t, client, server)
    await end(t, client, server)
  }
})

test('the raw stream below', async t => {
  const net = await testnet(t)
  const { client, server } = await pair(t, net, { createSecretStream }, { createSecretStream })
  const stream = new UDX().createStream(1)
  for (const { rawStream } of [client, server]) {
    for (const name of Object.keys(PROPERTIES)) t.is(typeof rawStream[name], PROPERTIES[name], name)
    t.is(rawStream.constructor.prototype instanceof Object, stream instanceof Object)
    t.ok(rawStream.connected)
    t.ok(rawStream.socket.streams.has(rawStream))
    t.is(rawStream.remoteHost, '127.0.0.1')
  }
  stream.destroy()
  t.is(client.rawStream.id, server.rawStream.remoteId)
  t.is(client.rawStream.remoteId, server.rawStream.id)
  t.is(client.rawStream.localPort, server.rawStream.remotePort)

  t.is(await client.flush(), true)
  client.write(b4a.alloc(100_000))
  const before = server.rawStream.bytesReceived
  await once(server, 'data')
  t.is(await client.flush(), true)
  t.ok(server.rawStream.bytesReceived > before)
})

const PROPERTIES = {
  id: 'number',
  remoteId: 'number',
  remotePort: 'number',
  rtt: 'number',
  mtu: 'number',
  bytesTransmitted: 'number',
  connected: 'boolean',
  toJSON: 'function',
  setKeepalive: 'function'
}

test('a lot of data both ways', { timeout: 60_000 }, async t => {
  const net = await testnet(t)
  const { client, server } = await pair(t, net, { createSecretStream }, { createSecretStream })
  const sent = pattern(2_000_000)
  const [atServer, atClient] = await Promise.all([
    collect(server, sent.byteLength),
    collect(client, sent.byteLength),
    ...[client, server].map(async stream => {
      for (let at = 0; at < sent.byteLength; at += 50_000) {
        const isFull = !stream.write(sent.subarray(at, at + 50_000))
        if (isFull) await once(stream, 'drain')
      }
    })
  ])
  t.ok(b4a.equals(atServer, sent))
  t.ok(b4a.equals(atClient, sent))
})

test('messages without order', async t => {
  const net = await testnet(t)
  const { client, server } = await pair(t, net, { createSecretStream }, { createSecretStream })
  const received = once(server, 'message')
  await client.send(b4a.from('not in order'))
  t.alike(await received, b4a.from('not in order'))
})

test('a subclass, and what is written before it opens', async t => {
  const net = await testnet(t)
  class Counting extends SecretStream {
    frames = 0

    _write(data, cb) {
      this.frames++
      super._write(data, cb)
    }
  }
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  const connected = once(server, 'connection')
  const client = other.connect(server.publicKey, {
    createSecretStream: (...args) => new Counting(...args)
  })
  client.write('early')
  const accepted = (await connected).on('error', noop)
  t.alike(await once(accepted, 'data'), b4a.from('early'))
  t.is(client.frames, 1)
  await end(t, client, accepted)
})

test('destroy: close at home, ECONNRESET at the peer', async t => {
  const net = await testnet(t)
  for (const end of ['client', 'server']) {
    const ends = await pair(t, net, { createSecretStream }, { createSecretStream })
    const other = end === 'client' ? ends.server : ends.client
    const [home, peer] = [closed(ends[end]), closed(other)]
    ends[end].destroy()
    t.is(await home, null)
    t.is((await peer).code, 'ECONNRESET')
  }
})

test('with a handshake of the program', async t => {
  const net = await testnet(t)
  class Marked extends NoiseWrap {
    final() {
      return { ...super.final(), mark: 'of the program' }
    }
  }
  const marks = []
  class Reading extends SecretStream {
    start(rawStream, opts) {
      marks.push(opts.handshake.mark)
      super.start(rawStream, opts)
    }
  }
  const options = {
    createHandshake: (...args) => new Marked(...args),
    createSecretStream: (...args) => new Reading(...args)
  }
  const { client, server } = await pair(t, net, options, options)
  await exchange(t, client, server)
  t.alike(marks, ['of the program', 'of the program'])
})

test('a server whose function returns null', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  let own = null
  const server = dht.createServer({
    createSecretStream(...args) {
      own = new SecretStream(...args)
      return null
    }
  })
  await server.listen()
  const connected = new Promise(resolve => server.on('connection', (...args) => resolve(args)))
  const client = other.connect(server.publicKey).on('error', noop)
  t.alike(await connected, [null])
  await exchange(t, client, own.on('error', noop))
})

test('a client whose function returns null', async t => {
  const dht = await node(t, await testnet(t, 1))
  const err = thrown(() => {
    dht.connect(b4a.alloc(32, 1), { createSecretStream: () => null })
  })
  t.ok(err instanceof TypeError, err?.message)
})

test('an unknown key, a server that refuses, a suspended node', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const unknown = DHT.keyPair().publicKey
  t.is((await closed(other.connect(unknown, { createSecretStream }))).code, 'PEER_NOT_FOUND')

  const server = dht.createServer({ firewall: () => true, createSecretStream })
  await server.listen()
  const refused = await closed(other.connect(server.publicKey, { createSecretStream }))
  t.is(refused.code, 'PEER_CONNECTION_FAILED')

  await other.suspend()
  const suspended = await closed(other.connect(server.publicKey, { createSecretStream }))
  t.is(suspended.code, 'SUSPENDED')
  await other.resume()
})

test('destroy before open', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  const client = other.connect(server.publicKey, { createSecretStream })
  client.destroy()
  t.is(await closed(client), null)
  t.is(await client.opened, false)
  t.is(client.rawStream, null)
})

test('a pool', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  server.on('connection', stream => stream.on('error', noop))
  const pool = other.pool()
  const first = other.connect(server.publicKey, { pool, createSecretStream })
  t.is(other.connect(server.publicKey, { pool }), first)
  await first.opened
  t.ok(pool.has(server.publicKey))
  t.is(pool.get(server.publicKey), first)
  first.destroy()
})

test('createSecretStream of a server that listens', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  server.createSecretStream = createSecretStream
  const connected = once(server, 'connection')
  const client = other.connect(server.publicKey).on('error', noop)
  const accepted = (await connected).on('error', noop)
  t.ok(accepted instanceof SecretStream)
  await exchange(t, client, accepted)
})

test('destroy of the node ends the connection', async t => {
  const net = await testnet(t)
  const ends = await pair(t, net, { createSecretStream }, { createSecretStream })
  const [home, peer] = [closed(ends.client), closed(ends.server)]
  await ends.dhts[1].destroy()
  t.is(await home, null)
  t.is((await peer).code, 'ECONNRESET')
})

function createSecretStream(isInitiator, rawStream, opts) {
  return new SecretStream(isInitiator, rawStream, opts)
}

async function exchange(t, client, server) {
  client.write('to the server')
  t.alike(await once(server, 'data'), b4a.from('to the server'))
  server.write('to the client')
  t.alike(await once(client, 'data'), b4a.from('to the client'))
}

async function end(t, client, server) {
  const ends = [client, server].map(closed)
  for (const stream of [client, server]) stream.resume().end()
  t.alike(await Promise.all(ends), [null, null])
}

/** Reads so many bytes. */
function collect(stream, size) {
  return new Promise(resolve => {
    const chunks = []
    let left = size
    stream.on('data', data => {
      chunks.push(data)
      left -= data.byteLength
      if (left <= 0) resolve(b4a.concat(chunks))
    })
  })
}

function pattern(size) {
  const bytes = b4a.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8)) & 255
  return bytes
}

function noop() {}
