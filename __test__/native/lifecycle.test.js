// suspend() and resume(): cases in which the reference does something else, or has no outcome to
// test.

const test = require('brittle')
const b4a = require('b4a')
const freePort = require('../helpers/free-port')
const { DHT } = require('../helpers/implementation')
const { node, pair, testnet, once, record, closed, sleep } = require('../helpers/fixtures')
const { isFound, found } = require('../helpers/finding')

const CYCLES = 20

test('20 times suspended and resumed leave nothing behind', { timeout: 120_000 }, async t => {
  const net = await testnet(t)
  const serverDht = await node(t, net)
  const clientDht = await node(t, net)
  const nodes = [serverDht, clientDht]
  const server = serverDht.createServer({ handshakeClearWait: 200 })
  server.on('connection', conn => conn.on('error', noop).on('data', noop))
  await server.listen()
  await clientDht.createServer().listen(DHT.keyPair())
  const before = await settled(nodes)

  for (let i = 0; i < CYCLES; i++) {
    const stream = clientDht.connect(server.publicKey)
    const connection = once(server, 'connection')
    stream.on('error', noop)
    stream.write('traffic')
    t.is(await stream.opened, true, `cycle ${i}`)
    const ends = [closed(stream), closed(await connection)]
    await nodes[i % 2].suspend()
    await Promise.all(ends)
    await nodes[i % 2].resume()
    await found(clientDht, server.publicKey)
  }

  t.alike(await settled(nodes), before)
  await server.close()
  for (const dht of nodes) await dht.destroy()
  for (const dht of nodes) {
    for (const [name, value] of Object.entries(dht._live())) t.is(value, 0, name)
  }
})

test('resume right after suspend', async t => {
  const dht = await node(t, await testnet(t))
  const events = record(dht, ['suspend', 'wakeup', 'resume'])
  await dht.createServer().listen()
  await Promise.all([dht.suspend(), dht.resume(), dht.suspend(), dht.resume()])
  t.alike(events, ['suspend', 'wakeup', 'resume', 'suspend', 'wakeup', 'resume'])
  t.is(dht.suspended, false)
  await found(dht, dht.defaultKeyPair.publicKey)
})

test('connects under way: SUSPENDED', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  await net.destroy() // so that the search cannot end first
  const stream = dht.connect(DHT.keyPair().publicKey)
  const events = record(stream, ['error', 'close'])
  const ended = closed(stream)
  await dht.suspend()
  t.is((await ended).code, 'SUSPENDED')
  t.alike(events, ['error', 'close'])
})

test('traffic in the middle of which a node falls asleep', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const ends = [closed(client), closed(server)]
  const chunk = b4a.alloc(64 * 1024)
  let received = 0
  server.on('data', data => {
    received += data.byteLength
    if (received > 32 * chunk.byteLength) dhts[1].suspend()
  })
  client.on('drain', write)
  write()
  const [here, there] = await Promise.all(ends)
  t.is(here, null)
  t.is(there.code, 'ECONNRESET')

  function write() {
    while (!client.destroying && client.write(chunk));
  }
})

test('a request that is made while suspended is answered after it', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  await dht.suspend()
  const ping = dht.ping(net.bootstrap[0])
  await dht.resume()
  t.is((await ping).error, 0)
})

test('a server that listens while its node is suspended is found after it', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)
  await dht.suspend()
  const server = dht.createServer()
  await server.listen()
  await dht.resume()
  await found(other, server.publicKey)
})

test('listen and suspend at a time', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)
  const server = dht.createServer()
  await Promise.all([server.listen(), server.suspend()])
  t.absent(await isFound(other, server.publicKey))
  await server.resume()
  await found(other, server.publicKey)

  const second = dht.createServer()
  const same = second.listen().catch(err => err)
  await second.suspend()
  t.is((await same).code, 'KEYPAIR_ALREADY_USED')

  const third = dht.createServer()
  await Promise.all([third.listen(DHT.keyPair()), dht.suspend()])
  await dht.resume()
  await found(other, third.publicKey)
})

test('a port that must be had and is taken: the node sleeps on', async t => {
  const net = await testnet(t)
  const port = await freePort()
  const dht = await node(t, net, { port, anyPort: false })
  const server = dht.createServer()
  await server.listen()
  await dht.suspend()
  const thief = new DHT({ ...ANYWHERE, port, anyPort: false })
  await thief.bind()

  const err = await dht.resume().catch(err => err)
  t.is(err.code, 'EADDRINUSE')
  t.is(err.message, 'address already in use')
  t.is(dht.suspended, true)
  t.is((await closed(dht.connect(server.publicKey))).code, 'SUSPENDED')

  await thief.destroy()
  await dht.resume()
  t.is(dht.suspended, false)
  t.is(dht.localAddress().port, port)
  await found(dht, server.publicKey)
})

test('a node whose ports could not be bound', async t => {
  const port = await freePort()
  const first = new DHT({ ...ANYWHERE, port, anyPort: false })
  const second = new DHT({ ...ANYWHERE, port, anyPort: false })
  t.is((await second.suspend().catch(err => err)).code, 'EADDRINUSE')
  await second.resume()
  t.is(second.suspended, false)
  await second.destroy()
  await first.destroy()
})

/** Counts of live objects, after the streams and handshakes that answer late peers have ended. */
async function settled(nodes) {
  for (;;) {
    const all = nodes.map(dht => dht._live())
    const busy = all.some(live => live.streams + live.handshakes + live.requests > 0)
    if (!busy) return all.map(({ timers, ...rest }) => rest)
    await sleep(50)
  }
}

const ANYWHERE = { bootstrap: [], host: '127.0.0.1' }

function noop() {}
