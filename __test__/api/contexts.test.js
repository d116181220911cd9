// What the program's AsyncLocalStorage has in listeners. Bare has no such class.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, UDX } = require('../helpers/implementation')
const { closed, node, once, pair, testnet } = require('../helpers/fixtures')
const { isBare } = require('../helpers/runtime')

if (isBare) {
  test('asynchronous contexts', { skip: true }, () => {})
} else {
  const { AsyncLocalStorage } = require('async_hooks')
  const look = () => lookInto(new AsyncLocalStorage())

  test('a node bootstraps in the context that has made it', async t => {
    const { bootstrap } = await testnet(t)
    const { storage, listen } = look()
    const dht = storage.run('the node', () => new DHT({ bootstrap, host: '127.0.0.1' }))
    t.teardown(() => dht.destroy())
    const seen = listen(dht, ['listening', 'ready'])
    await dht.fullyBootstrapped()
    t.alike(seen, { listening: ['the node'], ready: ['the node'] })
  })

  test('a connection opens in the context of connect, and goes on in none', async t => {
    const net = await testnet(t)
    const { storage, listen } = look()
    const [listening, connecting] = await storage.run('nodes', () =>
      Promise.all([node(t, net), node(t, net)])
    )
    const listener = listening.createServer()
    await storage.run('listen', () => listener.listen())
    const accepted = listen(listener, ['connection'])
    let served = null
    listener.on('connection', stream => {
      served = listen(stream, ['connect', 'open', 'data', 'message', 'end', 'close'])
    })
    const connection = once(listener, 'connection')
    const client = storage.run('connect', () => connecting.connect(listener.publicKey))
    const opening = listen(client, ['handshake', 'connect', 'open'])
    const later = listen(client, ['data', 'message', 'end', 'close'])
    const server = await connection
    await Promise.all([client.opened, server.opened])
    t.alike(opening, { handshake: ['connect'], connect: ['connect'], open: ['connect'] })

    await storage.run('sender', () => talk([server, client]))
    await end(server, client)
    const none = [undefined]
    t.alike(accepted, { connection: none })
    t.alike(later, { data: none, message: none, end: none, close: none })
    t.alike(served, {
      connect: none,
      open: none,
      data: none,
      message: none,
      end: none,
      close: none
    })
  })

  test('a connection fails in the context of connect', async t => {
    const dht = await node(t, await testnet(t))
    const { storage, listen } = look()
    const { publicKey } = DHT.keyPair()
    const client = storage.run('connect', () => dht.connect(publicKey))
    const seen = listen(client, ['error', 'close'])
    await closed(client)
    t.alike(seen, { error: ['connect'], close: ['connect'] })
  })

  test('the firewall of a server has no context', async t => {
    const { storage } = look()
    const seen = []
    await storage.run('nodes', async () => {
      await pair(t, await testnet(t), { firewall: () => seen.push(storage.getStore()) === 0 })
    })
    t.alike(seen, [undefined])
  })

  test('what a listener enters is not seen by those of other connections', async t => {
    const net = await testnet(t)
    const [listening, connecting] = [await node(t, net), await node(t, net)]
    const storage = new AsyncLocalStorage()
    const foreign = []
    const servers = []
    const listener = listening.createServer(server => {
      enter(server, `server ${servers.length}`)
      for (const event of EVENTS) server.on(event, () => enter(server, server.userData))
      servers.push(server)
    })
    await listener.listen()
    const clients = []
    for (const name of ['client 0', 'client 1', 'client 2']) {
      const connection = once(listener, 'connection')
      const client = connecting.connect(listener.publicKey)
      for (const event of EVENTS) client.on(event, () => enter(client, name))
      clients.push(client)
      await connection
    }
    await Promise.all([...servers, ...clients].map(stream => stream.opened))

    const before = storage.getStore()
    for (let i = 0; i < 5; i++) await talk([...servers, ...clients])
    for (const [i, server] of servers.entries()) await end(server, clients[i])
    t.alike(foreign, [])
    t.is(storage.getStore(), before)

    // What a connection has entered itself, its later listeners see in Node.js 20.
    function enter(stream, name) {
      const store = storage.getStore()
      if (store !== undefined && store !== name) foreign.push(`${name} has seen ${store}`)
      stream.userData = name
      storage.enterWith(name)
    }
  })

  test('streams and sockets of a program have no context', async t => {
    const { storage, listen } = look()
    const [sockets, streams] = storage.run('creates', () => {
      const udx = new UDX()
      return [
        [udx.createSocket(), udx.createSocket()],
        [udx.createStream(1), udx.createStream(2)]
      ]
    })
    storage.run('binds', () => {
      for (const socket of sockets) socket.bind(0, '127.0.0.1')
    })
    const heard = listen(sockets[1], ['message'])
    const seen = listen(streams[1], ['data', 'message', 'end', 'close'])
    await storage.run('sends', async () => {
      const ports = sockets.map(socket => socket.address().port)
      const datagram = once(sockets[1], 'message')
      sockets[0].trySend(b4a.from('datagram'), ports[1], '127.0.0.1')
      await datagram
      streams[0].connect(sockets[0], 2, ports[1])
      streams[1].connect(sockets[1], 1, ports[0])
      await talk(streams)
      await end(...streams)
      await Promise.all(sockets.map(socket => socket.close()))
    })
    const none = [undefined]
    t.alike(heard, { message: none })
    t.alike(seen, { data: none, message: none, end: none, close: none })
  })
}

const EVENTS = ['connect', 'open', 'data', 'message', 'end', 'error', 'close']

/** Each stream sends to its peer, all at the same time. Resolves when all have heard something. */
async function talk(streams) {
  const heard = streams.flatMap(stream => [once(stream, 'data'), once(stream, 'message')])
  for (let i = 0; i < 20; i++) {
    for (const stream of streams) {
      stream.trySend(b4a.from('a message'))
      if (i === 0) stream.write(b4a.from('data'))
    }
  }
  await Promise.all(heard)
}

async function end(one, other) {
  const ends = [closed(one), closed(other)]
  one.on('end', () => one.end()).resume()
  other.on('end', () => other.end()).resume()
  one.end()
  await Promise.all(ends)
}

function lookInto(storage) {
  return { storage, listen }

  // Records what listeners see, each thing once.
  function listen(emitter, events) {
    const seen = {}
    for (const event of events) {
      seen[event] = []
      emitter.on(event, () => {
        const store = storage.getStore()
        if (!seen[event].includes(store)) seen[event].push(store)
      })
    }
    return seen
  }
}
