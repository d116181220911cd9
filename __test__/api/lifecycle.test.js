// suspend() and resume() of a node: what ends, what continues, and the order of the events.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, pair, testnet, once, record, closed } = require('../helpers/fixtures')
const { isFound, found } = require('../helpers/finding')

test('suspend and resume: flags, events, log', async t => {
  const dht = await node(t, await testnet(t))
  const events = record(dht, ['suspend', 'wakeup', 'resume', 'close'])

  t.is(dht.suspended, false)
  t.alike(await logged(log => dht.suspend({ log })), [...SUSPENDING, ...SUSPENDED])
  t.is(dht.suspended, true)
  t.alike(events, ['suspend'])
  t.alike(await logged(log => dht.resume({ log })), [...WAKING, ...RESUMED])
  t.is(dht.suspended, false)
  t.alike(events, ['suspend', 'wakeup', 'resume'])
})

test('suspend and resume where there is nothing to do', async t => {
  const dht = await node(t, await testnet(t))
  const events = record(dht, ['suspend', 'wakeup', 'resume'])

  t.alike(await logged(log => dht.resume({ log })), RESUMED, 'resume while awake')
  t.alike(events, [])
  await dht.suspend()
  t.alike(await logged(log => dht.suspend({ log })), SUSPENDING_AGAIN, 'suspend while suspended')
  t.alike(events, ['suspend'])
  t.is(dht.suspended, true)

  await dht.destroy()
  t.alike(await logged(log => dht.suspend({ log })), SUSPENDING_AGAIN, 'suspend after destroy')
  t.alike(await logged(log => dht.resume({ log })), RESUMED, 'resume after destroy')
  t.alike(events, ['suspend'])
})

test('suspend and resume without options', async t => {
  const dht = await node(t, await testnet(t, 1))
  t.is(await dht.suspend(), undefined)
  t.is(await dht.resume(), undefined)
})

test('two calls at a time', async t => {
  const dht = await node(t, await testnet(t, 1))
  const events = record(dht, ['suspend', 'wakeup', 'resume'])
  await Promise.all([dht.suspend(), dht.suspend()])
  t.alike(events, ['suspend'])
  await Promise.all([dht.resume(), dht.resume()])
  t.alike(events, ['suspend', 'wakeup', 'resume'])
  t.is(dht.suspended, false)
})

test('the ports are free while suspended, and the same after it', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const address = dht.address()
  const { port } = dht.localAddress()
  const socket = dht.socket

  await dht.suspend()
  t.is(dht.socket, socket)
  t.alike(dht.address(), address, 'an address that is no longer bound')
  t.is(socket.closing, true)
  const other = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1', port, anyPort: false })
  await other.bind()
  await other.destroy()

  await dht.resume()
  t.alike(dht.address(), address)
  t.is(dht.localAddress().port, port)
  t.not(dht.socket, socket)
  t.is(dht.socket.closing, false)
  t.is((await dht.ping(net.bootstrap[0])).error, 0)
})

test('a port that was taken meanwhile', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const { port } = dht.localAddress()
  await dht.suspend()
  const other = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1', port, anyPort: false })
  await other.bind()

  await dht.resume()
  t.not(dht.localAddress().port, port)
  t.is((await dht.ping(net.bootstrap[0])).error, 0)
  await other.destroy()
})

test('connections: no error here, ECONNRESET there', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const order = record(dhts[1], ['suspend'])
  client.on('close', () => order.push('close'))
  const ends = [closed(client), closed(server)]

  await dhts[1].suspend()
  const [here, there] = await Promise.all(ends)
  t.is(here, null)
  t.is(there.code, 'ECONNRESET')
  t.alike(order, ['close', 'suspend'])
})

test('connections of a server', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const ends = [closed(server), closed(client)]
  await dhts[0].suspend()
  const [here, there] = await Promise.all(ends)
  t.is(here, null)
  t.is(there.code, 'ECONNRESET')
})

test('connect while suspending and while suspended: SUSPENDED', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const suspending = dht.suspend()
  const streams = [dht.connect(DHT.keyPair().publicKey)]
  await check(streams[0])
  await suspending
  await check(dht.connect(DHT.keyPair().publicKey))

  await dht.resume()
  const err = await closed(dht.connect(DHT.keyPair().publicKey))
  t.is(err.code, 'PEER_NOT_FOUND', 'nothing of it is left')

  async function check(stream) {
    const events = record(stream, ['error', 'close'])
    const err = await closed(stream)
    t.is(err.code, 'SUSPENDED')
    t.is(err.message, 'SUSPENDED: Suspended')
    t.alike(events, ['error', 'close'])
    t.is(await stream.opened, false)
  }
})

test('a request under way: IO_SUSPENDED', async t => {
  const dht = await node(t, await testnet(t))
  const ping = dht.ping({ host: '127.0.0.1', port: CLOSED_PORT }).catch(err => err)
  await dht.suspend()
  const err = await ping
  t.is(err.code, 'IO_SUSPENDED')
  t.is(err.message, 'IO_SUSPENDED: I/O suspended')
})

test('a request while suspended: REQUEST_TIMEOUT', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  await dht.suspend()
  const err = await dht.ping(net.bootstrap[0]).catch(err => err)
  t.is(err.code, 'REQUEST_TIMEOUT')
})

test('queries under way end', async t => {
  const dht = await node(t, await testnet(t))
  const query = dht.findNode(b4a.alloc(32, 1), {
    nodes: [{ host: '127.0.0.1', port: CLOSED_PORT }]
  })
  query.resume()
  await new Promise(resolve => setImmediate(resolve))
  await dht.suspend()
  await query.finished()
  t.pass('without an error')
})

test('a server is lost at once, and found again', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)
  const server = dht.createServer(conn => conn.on('error', noop).end())
  await server.listen()
  const { publicKey } = server
  t.ok(await isFound(other, publicKey))

  await dht.suspend()
  t.absent(await isFound(other, publicKey))
  t.is(server.suspended, true)
  t.is(server.listening, true)
  t.is(server.closed, false)
  t.alike(server.publicKey, publicKey)
  t.ok(dht.listening.has(server))

  await dht.resume()
  t.is(server.suspended, false)
  await found(other, publicKey)
  const stream = other.connect(publicKey)
  t.is(await stream.opened, true)
  stream.destroy()
})

test('a server that closes while its node is suspended', { timeout: 60_000 }, async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  await dht.suspend()
  const event = once(server, 'close')
  await server.close()
  await event
  t.is(server.closed, true)
  await dht.resume()
})

test('a server that listens while its node is suspended', { timeout: 60_000 }, async t => {
  const dht = await node(t, await testnet(t))
  await dht.suspend()
  const server = dht.createServer()
  t.is(await server.listen(), server)
  t.is(server.listening, true)
  await dht.resume()
})

test('suspend during the bootstrap', { timeout: 60_000 }, async t => {
  const net = await testnet(t)
  const bootstrap = [{ host: '127.0.0.1', port: CLOSED_PORT }, ...net.bootstrap]
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  await once(dht, 'listening')
  await dht.suspend()
  await dht.fullyBootstrapped()
  t.is(dht.bootstrapped, true)
  await dht.resume()
  t.is((await dht.ping(net.bootstrap[0])).error, 0)
})

test('destroy while suspended', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  const events = record(dht, ['suspend', 'wakeup', 'resume', 'close'])
  server.on('close', () => events.push('server close'))
  await server.listen()
  await dht.suspend()
  await dht.destroy({ force: true })
  t.alike(
    events.filter(name => name !== 'server close'),
    ['suspend', 'close']
  )
})

test('suspend and destroy at a time', { timeout: 60_000 }, async t => {
  const dht = await node(t, await testnet(t))
  await dht.createServer().listen()
  const close = once(dht, 'close')
  await Promise.allSettled([dht.suspend(), dht.destroy()])
  await close
  t.is(dht.destroyed, true)
})

test('resume and destroy at a time', { timeout: 60_000 }, async t => {
  const dht = await node(t, await testnet(t))
  await dht.createServer().listen()
  await dht.suspend()
  const close = once(dht, 'close')
  await Promise.allSettled([dht.resume(), dht.destroy()])
  await close
  t.is(dht.destroyed, true)
})

async function logged(call) {
  const texts = []
  await call(text => texts.push(text))
  return texts
}

const SUSPENDING = [
  'Suspending all hyperdht servers',
  'Done, clearing all raw streams',
  'Done, suspending dht-rpc',
  'Suspending waiting for io bind...',
  'Done, continuing',
  'Done, suspending io',
  'Done, dht suspended'
]
const SUSPENDED = ['Done, clearing raw streams again', 'Done, hyperdht fully suspended']
const SUSPENDING_AGAIN = [...SUSPENDING.slice(0, 5), ...SUSPENDED]
const WAKING = ['Resuming io', 'Done, dht resumed']
const RESUMED = ['Resuming hyperdht servers', 'Done, hyperdht fully resumed']

/** Nobody listens here (discard, RFC 863). */
const CLOSED_PORT = 9

function noop() {}
