// The core panics: everything that waits for it fails, and the node is destroyed.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const {
  closed,
  node,
  once,
  pair,
  rejected,
  sleep,
  testnet,
  thrown
} = require('../helpers/fixtures')
const { process } = require('../helpers/runtime')
const { internalsOf } = require('../../lib/util/internals')

test('no program can ask for a panic', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  delete process.env[MAY_PANIC]
  const ask = () => internalsOf(dht).native._node.panic()
  t.is(thrown(ask).message, MAY_PANIC + ' is not set')
  t.is((await dht.ping(net.nodes[0].address())).error, 0)
})

test('streams, servers and the node itself end', async t => {
  const { server, client, dhts, listener } = await pair(t, await testnet(t))
  const [dht] = dhts
  const ends = [once(listener, 'close'), once(dht, 'close')]
  const broken = closed(server)
  const reset = closed(client)

  panic(dht)
  const err = await broken
  t.is(err.code, 'NODE_FAILED')
  t.is(err.message, 'NODE_FAILED: Node failed')
  await Promise.all(ends)
  t.is(dht.destroyed, true)
  t.is(listener.listening, false)
  t.is(listener.closed, true)

  client.destroy()
  await reset
})

test('an attempt to connect', async t => {
  const dht = await node(t, await testnet(t))
  const failed = closed(dht.connect(DHT.keyPair().publicKey))
  panic(dht)
  const { code, trace } = await failed
  t.alike([code, trace.reason], ['NODE_FAILED', 'nodeFailed'])
})

test('a stream that has ended both ways and waits for its last acknowledgement', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const end = closed(server)
  server.resume()
  // more than the client takes without reading
  server.write(b4a.alloc(15_000_000))
  server.end()
  client.end()
  await once(server, 'end')
  panic(dhts[0])
  t.is((await end).code, 'NODE_FAILED')
})

test('a stream that has not opened', async t => {
  const dht = await lonely(t)
  const stream = dht.connect(DHT.keyPair().publicKey)
  const end = closed(stream)
  panic(dht)
  t.is((await end).code, 'NODE_FAILED')
  t.is(await stream.opened, false)
  t.is(await stream.flush(), false)
})

test('every promise rejects', async t => {
  const dht = await lonely(t)
  const query = dht.findNode(b4a.alloc(32))
  const key = DHT.keyPair()
  const value = b4a.from('value')
  const waiting = {
    fullyBootstrapped: dht.fullyBootstrapped(),
    listen: dht.createServer().listen(key),
    query: query.finished(),
    request: dht.request({ command: 99 }, SILENT),
    ping: dht.ping(SILENT),
    announce: dht.announce(b4a.alloc(32), key, []).finished(),
    unannounce: dht.unannounce(b4a.alloc(32), key),
    immutablePut: dht.immutablePut(value),
    immutableGet: dht.immutableGet(b4a.alloc(32)),
    mutablePut: dht.mutablePut(key, value),
    mutableGet: dht.mutableGet(key.publicKey)
  }
  await sleep(0) // streams begin in a microtask

  panic(dht)
  const late = dht.ping(SILENT) // before the program can know
  for (const [name, promise] of Object.entries({ ...waiting, late })) {
    t.is((await rejected(promise))?.code, 'NODE_FAILED', name)
  }
  await dht.destroy()
})

test('suspend and resume, of a node and of a server', async t => {
  for (const what of ['suspend', 'server.suspend', 'resume']) {
    const dht = await node(t, await testnet(t))
    const server = dht.createServer()
    await server.listen()
    if (what === 'resume') await dht.suspend()

    panic(dht)
    const asked = what === 'server.suspend' ? server.suspend() : dht[what]()
    t.is((await rejected(asked))?.code, 'NODE_FAILED', what)
    await dht.destroy()
  }
})

test('destroy that is under way resolves, and so does server.close', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  const ended = [server.close(), dht.destroy()]
  panic(dht)
  await Promise.all(ended)
  t.is(dht.destroyed, true)
})

test('what is asked after it: as of a destroyed node', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()
  const gone = once(dht, 'close')
  panic(dht)
  await gone

  t.is((await closed(dht.connect(server.publicKey || b4a.alloc(32)))).message, 'Node destroyed')
  t.is((await rejected(dht.createServer().listen())).code, 'NODE_DESTROYED')
  t.is((await rejected(dht.ping(SILENT))).message, 'Node destroyed')
  t.is(thrown(() => dht.lookup(b4a.alloc(32))).message, 'Node destroyed')
  await dht.suspend()
  await dht.resume()
  await dht.destroy()
  await server.close()
  t.alike(dht.toArray(), [])
  t.ok(dht.stats.requests.total >= 0)
  for (const [name, value] of Object.entries(dht._live())) t.is(value, 0, name)
})

test('the other nodes of the process go on', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)
  const gone = once(dht, 'close')
  panic(dht)
  await gone
  t.is((await other.ping(net.nodes[0].address())).error, 0)
})

function panic(dht) {
  process.env[MAY_PANIC] = '1'
  internalsOf(dht).native._node.panic()
}

// A node whose requests nobody answers: each call waits for seconds.
async function lonely(t) {
  const dht = new DHT({ bootstrap: [SILENT], host: SILENT.host })
  t.teardown(() => dht.destroy())
  await dht.bind()
  return dht
}

const MAY_PANIC = 'HYPERDHT_NATIVE_MAY_PANIC'

/** Nobody answers at this port (discard, RFC 863), and no system gives it to a program. */
const SILENT = { host: '127.0.0.1', port: 9 }
