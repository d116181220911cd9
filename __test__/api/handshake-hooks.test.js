// createHandshake of a client and of a server: the program makes the handshake.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, deep } = require('../helpers/implementation')
const { closed, node, once, pair, sleep, testnet, thrown } = require('../helpers/fixtures')

const NoiseWrap = deep('lib/noise-wrap')

test('a NoiseWrap of the program at both ends', async t => {
  const net = await testnet(t)
  const calls = { client: [], server: [] }
  const keyPair = DHT.keyPair()
  const createServerHandshake = (...args) => {
    calls.server.push(args)
    return new NoiseWrap(...args)
  }
  const createClientHandshake = (...args) => {
    calls.client.push(args)
    return new NoiseWrap(...args)
  }
  const options = { createHandshake: createClientHandshake, keyPair }
  const { client, server, listener } = await pair(
    t,
    net,
    { createHandshake: createServerHandshake },
    options
  )

  t.is(listener.createHandshake, createServerHandshake)
  t.alike(calls.client.length, 1)
  t.is(calls.client[0].length, 2)
  t.is(calls.client[0][0], keyPair)
  t.alike(calls.client[0][1], listener.publicKey)
  t.alike(calls.server[0][0].publicKey, listener.publicKey)
  t.is(calls.server[0][1], null)

  t.alike(client.handshakeHash, server.handshakeHash)
  t.alike(client.publicKey, keyPair.publicKey)
  t.alike(client.remotePublicKey, listener.publicKey)
  t.alike(server.publicKey, listener.publicKey)
  t.alike(server.remotePublicKey, keyPair.publicKey)
  await exchange(t, client, server)
})

test('one end is enough', async t => {
  const net = await testnet(t)
  for (const ends of [
    [{ createHandshake: wrap }, {}],
    [{}, { createHandshake: wrap }]
  ]) {
    const { client, server } = await pair(t, net, ...ends)
    await exchange(t, client, server)
  }
})

test('only the handshake of the program has the secret key', async t => {
  const net = await testnet(t)
  const own = DHT.keyPair()
  const createHandshake = (keyPair, remotePublicKey) => {
    t.is(keyPair.secretKey, null)
    return new NoiseWrap(own, remotePublicKey)
  }
  const keyPair = { publicKey: own.publicKey, secretKey: null }
  const { client, server } = await pair(t, net, {}, { createHandshake, keyPair })
  t.alike(server.remotePublicKey, own.publicKey)
  await exchange(t, client, server)
})

test('the steps of a handshake, and what they get', async t => {
  const net = await testnet(t)
  const steps = []
  const traced = isClient => (keyPair, remotePublicKey) => {
    const noise = new NoiseWrap(keyPair, remotePublicKey)
    const who = isClient ? 'client' : 'server'
    return {
      get remotePublicKey() {
        return noise.remotePublicKey
      },
      send(payload) {
        steps.push(`${who} send`)
        t.alike([payload.error, payload.addresses4.length > 0], [0, true])
        t.ok(payload.udx.id > 0 || payload.udx.id === 0)
        t.is(payload.udx.seq, 0)
        t.is(payload.udx.reusableSocket, false)
        t.ok(payload.secretStream)
        return noise.send(payload)
      },
      recv(message) {
        steps.push(`${who} recv`)
        t.ok(b4a.isBuffer(message))
        return noise.recv(message)
      },
      final() {
        steps.push(`${who} final`)
        return noise.final()
      }
    }
  }
  const { client, server } = await pair(
    t,
    net,
    { createHandshake: traced(false) },
    { createHandshake: traced(true) }
  )
  t.alike(steps, [
    'client send',
    'server recv',
    'server send',
    'server final',
    'client recv',
    'client final'
  ])
  await exchange(t, client, server)
})

test('steps that take their time', async t => {
  const net = await testnet(t)
  class Slow extends NoiseWrap {
    async send(payload) {
      await sleep(50)
      return super.send(payload)
    }

    async recv(message) {
      await sleep(50)
      return super.recv(message)
    }
  }
  const createHandshake = (...args) => new Slow(...args)
  const { client, server } = await pair(t, net, { createHandshake }, { createHandshake })
  await exchange(t, client, server)
})

test('a handshake of another form', async t => {
  const net = await testnet(t)
  const { client, server } = await pair(
    t,
    net,
    { createHandshake: scramble },
    { createHandshake: scramble }
  )
  await exchange(t, client, server)
})

test('ends with different handshakes do not connect', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  for (const [ofServer, ofClient] of [
    [scramble, wrap],
    [wrap, scramble]
  ]) {
    const server = dht.createServer({ createHandshake: ofServer })
    await server.listen(DHT.keyPair())
    server.on('connection', () => t.fail('a connection'))
    const err = await closed(other.connect(server.publicKey, { createHandshake: ofClient }))
    t.is(err.code, 'PEER_CONNECTION_FAILED')
    await server.close()
  }
})

test('steps that fail', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  for (const step of ['send', 'recv']) {
    for (const end of ['client', 'server']) {
      const broken = (...args) => {
        const noise = new NoiseWrap(...args)
        noise[step] = () => Promise.reject(new Error('broken'))
        return noise
      }
      const server = dht.createServer({ createHandshake: end === 'server' ? broken : wrap })
      await server.listen(DHT.keyPair())
      server.on('connection', stream => {
        // before the last step the server has let the client in
        t.alike([step, end], ['recv', 'client'])
        stream.on('error', noop)
      })
      const createHandshake = end === 'client' ? broken : wrap
      const err = await closed(other.connect(server.publicKey, { createHandshake }))
      t.is(err.code, 'PEER_CONNECTION_FAILED', `${step} at the ${end}`)
      await server.close()
    }
  }
})

test('createHandshake of connect that throws', async t => {
  const dht = await node(t, await testnet(t, 1))
  const createHandshake = () => {
    throw new Error('no handshake')
  }
  const err = thrown(() => dht.connect(b4a.alloc(32, 1), { createHandshake }))
  t.is(err?.message, 'no handshake')
})

test('createHandshake of a server that throws lets nobody in', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  server.createHandshake = (...args) => {
    // what the reference does with an exception is an unhandled rejection
    const noise = new NoiseWrap(...args)
    noise.recv = () => {
      throw new Error('no handshake')
    }
    return noise
  }
  const err = await closed(other.connect(server.publicKey))
  t.is(err.code, 'PEER_CONNECTION_FAILED')
})

test('a firewall decides on what the handshake has read', async t => {
  const net = await testnet(t)
  const asked = []
  class Extended extends NoiseWrap {
    recv(message) {
      return { ...super.recv(message), note: 'from the handshake' }
    }
  }
  const firewall = (publicKey, payload, address) => {
    asked.push({ publicKey, note: payload.note, host: address.host })
    return asked.length === 1
  }
  const [dht, other] = [await node(t, net), await node(t, net)]
  const createHandshake = (...args) => new Extended(...args)
  const server = dht.createServer({ createHandshake, firewall })
  await server.listen()
  const connected = once(server, 'connection')

  const err = await closed(other.connect(server.publicKey))
  t.is(err.code, 'PEER_CONNECTION_FAILED')
  const client = other.connect(server.publicKey).on('error', noop)
  const accepted = (await connected).on('error', noop)
  t.alike(
    asked,
    [1, 2].map(() => {
      const { publicKey } = other.defaultKeyPair
      return { publicKey, note: 'from the handshake', host: '127.0.0.1' }
    })
  )
  await exchange(t, client, accepted)
})

test('createHandshake of a server that listens', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  const before = server.createHandshake
  t.ok(before(DHT.keyPair(), null) instanceof NoiseWrap)
  await server.listen()
  let calls = 0
  for (const [createHandshake, expected] of [
    [(...args) => wrap(...args, calls++), 1],
    [before, 1]
  ]) {
    server.createHandshake = createHandshake
    const connected = once(server, 'connection')
    const client = other.connect(server.publicKey).on('error', noop)
    await exchange(t, client, (await connected).on('error', noop))
    t.is(calls, expected)
    client.destroy()
  }
})

test('a client that is destroyed while its handshake takes its time', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer()
  await server.listen()
  server.on('connection', () => t.fail('a connection'))
  let proceed = null
  const begun = new Promise(resolve => {
    proceed = resolve
  })
  const createHandshake = (...args) => {
    const noise = new NoiseWrap(...args)
    noise.send = () => new Promise(proceed)
    return noise
  }
  const client = other.connect(server.publicKey, { createHandshake })
  await begun
  client.destroy()
  t.is(await closed(client), null)
})

/** A handshake whose messages only its own kind reads. */
function scramble(keyPair, remotePublicKey) {
  const noise = new NoiseWrap(keyPair, remotePublicKey)
  return {
    get remotePublicKey() {
      return noise.remotePublicKey
    },
    send: async payload => flip(await noise.send(payload)),
    recv: async message => noise.recv(flip(message)),
    final: () => noise.final()
  }
}

function flip(message) {
  return b4a.from(message.map(byte => byte ^ 0x55))
}

function wrap(keyPair, remotePublicKey) {
  return new NoiseWrap(keyPair, remotePublicKey)
}

async function exchange(t, client, server) {
  client.write('to the server')
  t.alike(await once(server, 'data'), b4a.from('to the server'))
  server.write('to the client')
  t.alike(await once(client, 'data'), b4a.from('to the client'))
}

function noop() {}
