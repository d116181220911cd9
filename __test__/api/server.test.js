const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, testnet, once, record, closed } = require('../helpers/fixtures')

test('before listen', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()

  t.is(server.address(), null)
  t.is(server.publicKey, null)
  t.is(server.target, null)
  t.is(server.listening, false)
  t.is(server.closed, false)
  t.is(server.dht, dht)
  t.alike(server.relayAddresses, [])
})

test('listen, address, close', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  const events = record(server, ['listening', 'close'])
  const keyPair = DHT.keyPair()

  const listening = server.listen(keyPair)
  t.is(server.listening, true)
  t.is(await listening, server)
  t.alike(events, ['listening'])
  t.ok(dht.listening.has(server))
  t.alike(server.publicKey, keyPair.publicKey)
  t.alike(server.target, DHT.hash(keyPair.publicKey))
  t.alike(server.address().publicKey, keyPair.publicKey)
  t.alike(Object.keys(server.address()).sort(), ['host', 'port', 'publicKey'])
  t.is(server.address().host, dht.host)
  t.is(server.address().port, dht.port)

  await server.close()
  await server.close()
  t.alike(events, ['listening', 'close'])
  t.is(server.closed, true)
  t.is(server.listening, false)
  t.is(server.publicKey, null)
  t.is(server.address(), null)
  t.absent(dht.listening.has(server))
})

test('the default key pair', async t => {
  const keyPair = DHT.keyPair()
  const dht = await node(t, await testnet(t), { keyPair })
  const server = dht.createServer()
  await server.listen()

  t.alike(dht.defaultKeyPair.publicKey, keyPair.publicKey)
  t.alike(server.publicKey, keyPair.publicKey)
})

test('close without listen emits close', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()
  const event = once(server, 'close')
  await server.close()
  await event
  t.ok(server.closed)
})

test('the three forms of createServer', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const client = await node(t, net)
  const calls = []

  const servers = [
    dht.createServer(conn => onconnection('function', conn)),
    dht.createServer({}, conn => onconnection('options and function', conn)),
    dht.createServer({ onconnection: conn => onconnection('option', conn) })
  ]

  for (const server of servers) {
    await server.listen(DHT.keyPair())
    const conn = client.connect(server.publicKey)
    conn.on('data', noop)
    conn.end()
    await closed(conn)
  }
  t.alike(calls, ['function', 'options and function', 'option'])

  function onconnection(name, conn) {
    calls.push(name)
    conn.on('error', noop)
    conn.end()
  }
})

test('listen twice: ALREADY_LISTENING', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  await rejects(t, server.listen(), 'ALREADY_LISTENING', 'ALREADY_LISTENING: Already listening')
})

test('one key pair on two servers: KEYPAIR_ALREADY_USED', async t => {
  const dht = await node(t, await testnet(t))
  const first = dht.createServer()
  const second = dht.createServer()
  await first.listen()
  await rejects(
    t,
    second.listen(),
    'KEYPAIR_ALREADY_USED',
    'KEYPAIR_ALREADY_USED: Keypair already used'
  )

  await second.listen(DHT.keyPair())
  t.pass('the refused server can listen on another key pair')
})

test('listen after destroy: NODE_DESTROYED', async t => {
  const dht = await node(t, await testnet(t, 1))
  const server = dht.createServer()
  await dht.destroy()
  await rejects(t, server.listen(), 'NODE_DESTROYED', 'NODE_DESTROYED: Node destroyed')
})

test('destroy closes the servers first, then the node, once', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  const order = []
  server.on('close', () => order.push('server'))
  dht.on('close', () => order.push('dht'))

  await dht.destroy()
  await dht.destroy()
  t.alike(order, ['server', 'dht'])
  t.is(dht.destroyed, true)
})

test('the firewall hook gets key, payload and address, and lets in', async t => {
  const net = await testnet(t)
  const calls = []
  const { conn, client } = await connectThroughFirewall(t, net, (...args) => {
    calls.push(args)
    return false
  })
  t.is(await conn.opened, true)

  const [remotePublicKey, payload, address] = calls[0]
  t.alike(remotePublicKey, client.defaultKeyPair.publicKey)
  t.is(payload.version, 1)
  t.is(payload.error, 0)
  t.is(typeof payload.firewall, 'number')
  t.is(payload.udx.version, 1)
  t.is(payload.udx.reusableSocket, false)
  t.is(typeof payload.udx.id, 'number')
  t.is(payload.udx.seq, 0)
  t.is(address.host, '127.0.0.1')
  t.is(address.port, client.address().port, 'the true source')
  t.is(calls.length, 1, 'asked once for a connection')
})

test('an asynchronous firewall hook lets in', async t => {
  const { conn } = await connectThroughFirewall(t, await testnet(t), async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    return false
  })
  t.is(await conn.opened, true)
})

const REFUSING = {
  'returns true': () => true,
  'resolves with true': async () => true,
  throws: () => {
    throw new Error('from the hook')
  },
  rejects: async () => {
    throw new Error('from the hook')
  }
}

test('a firewall hook that refuses', { timeout: 40_000 }, async t => {
  const net = await testnet(t)
  const waiting = Object.entries(REFUSING).map(async ([name, firewall]) => {
    const { conn, server } = await connectThroughFirewall(t, net, firewall)
    server.on('connection', () => t.fail('no connection'))
    const err = await closed(conn)
    t.is(err?.code, 'PEER_CONNECTION_FAILED', name)
    t.is(await conn.opened, false)
  })
  await Promise.all(waiting)
})

test('the firewall can be set later', async t => {
  const net = await testnet(t)
  const { conn, server, client } = await connectThroughFirewall(t, net, () => false)
  await conn.opened
  let asked = 0
  server.firewall = () => {
    asked++
    return false
  }
  const second = client.connect(server.publicKey)
  second.on('error', noop)
  t.is(await second.opened, true)
  t.is(asked, 1)
})

async function connectThroughFirewall(t, net, firewall) {
  const dht = await node(t, net)
  const client = await node(t, net)
  const server = dht.createServer({ firewall }, conn => conn.on('error', noop))
  await server.listen(DHT.keyPair())
  const conn = client.connect(server.publicKey)
  conn.on('error', noop)
  return { conn, server, client }
}

async function rejects(t, promise, code, message) {
  try {
    await promise
    t.fail('should reject')
  } catch (err) {
    t.is(err.code, code)
    t.is(err.message, message)
    t.is(err.name, 'DHTError')
  }
}

function noop() {}

test('listen after close resolves and does not listen', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  await server.close()

  const events = record(server, ['listening'])
  await server.listen(DHT.keyPair())
  t.is(server.closed, true)
  t.is(server.publicKey, null)
  t.is(server.address(), null)
  t.alike(events, [])
})
