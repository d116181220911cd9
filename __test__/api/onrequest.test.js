// `onrequest` and `onmessage` of a node, which programs override or replace.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { addressOf, answering, answeringPair } = require('../helpers/answering')
const { node, testnet } = require('../helpers/fixtures')

const COMMAND = 99
const TARGET = b4a.alloc(32, 5)
const VALUE = b4a.from('a value')

test('super.onrequest serves what a plain node serves', async t => {
  const results = new Map()
  const { asker, answerer, to } = await answeringPair(t, (req, _, serve) => {
    const result = serve(req)
    results.set(req.command, result)
    return result
  })
  t.ok(answerer.id, 'persistent')
  for (const command of [2, 3, COMMAND]) await asker.request({ command, target: TARGET }, to)
  t.is(results.get(2), true, 'FIND_PEER')
  t.is(results.get(3), true, 'LOOKUP')
  t.is(results.get(COMMAND), false, 'unknown')

  const keyPair = DHT.keyPair()
  const announced = asker.announce(TARGET, keyPair, [])
  await announced.finished()
  t.ok(
    announced.closestNodes.some(({ port }) => port === to.port),
    'announced there too'
  )
  t.is(results.get(4), true, 'ANNOUNCE')
  const found = []
  for await (const { from, peers } of asker.lookup(TARGET)) {
    if (from.port === to.port) found.push(...peers)
  }
  t.alike(found[0].publicKey, keyPair.publicKey)
})

test('super.onrequest of a node that is not persistent', async t => {
  const net = await testnet(t, 3)
  const results = []
  const dht = await answering(
    t,
    net,
    (req, _, serve) => {
      results.push(serve(req))
      return results.at(-1)
    },
    { ephemeral: true }
  )
  const asker = await node(t, net)
  const reply = await asker.request({ command: 3, target: TARGET }, addressOf(dht))
  t.is(reply.error, DHT.ERROR_UNKNOWN_COMMAND)
  t.alike(results, [false])
})

test('servers work through super.onrequest, now and later', async t => {
  const net = await testnet(t, 3)
  for (const later of [false, true]) {
    const dht = await answering(t, net, (req, _, serve) => {
      if (!later) return serve(req)
      Promise.resolve().then(() => serve(req))
      return true
    })
    const server = dht.createServer(connection => connection.on('error', noop).end())
    await server.listen()
    const client = (await node(t, net)).connect(server.publicKey)
    client.on('error', noop).resume()
    t.ok(await client.opened, later ? 'later' : 'now')
    t.ok(
      dht.seen.some(req => req.command === 0),
      'it saw the handshake'
    )
    client.destroy()
    await server.close()
  }
})

test('onrequest of one node, not of a class', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net, { ephemeral: false, firewalled: false })
  const asker = await node(t, net)
  const to = addressOf(dht)
  t.is((await asker.request({ command: COMMAND }, to)).error, 1)
  dht.onrequest = req => {
    req.reply(VALUE)
    return true
  }
  t.alike((await asker.request({ command: COMMAND }, to)).value, VALUE)
})

test('onrequest as a field of a class', async t => {
  const net = await testnet(t, 3)
  class Answering extends DHT {
    onrequest = req => req.reply(VALUE)
  }
  const dht = new Answering({ bootstrap: net.bootstrap, host: '127.0.0.1', firewalled: false })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  const asker = await node(t, net)
  t.alike((await asker.request({ command: COMMAND }, addressOf(dht))).value, VALUE)
})

test('datagrams of the two main sockets do not come to onmessage', async t => {
  const net = await testnet(t, 3)
  let seen = 0
  class Watching extends DHT {
    onmessage(socket, buf, rinfo) {
      seen++
      return super.onmessage(socket, buf, rinfo)
    }
  }
  const dht = new Watching({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  await dht.ping(net.bootstrap[0])
  t.is(seen, 0)
})

test('datagrams of sockets for punching do, and go their way from there', async t => {
  const net = await testnet(t, 4)
  const seen = []
  class Watching extends DHT {
    onmessage(socket, buf, rinfo) {
      seen.push({ socket, buf, rinfo })
      return super.onmessage(socket, buf, rinfo)
    }
  }
  const dht = new Watching({ bootstrap: net.bootstrap, host: '127.0.0.1', ...FIREWALLED })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  const server = dht.createServer({ shareLocalAddress: false })
  server.on('connection', connection => connection.on('error', noop))
  await server.listen()

  const client = (await node(t, net, FIREWALLED)).connect(server.publicKey, {
    localConnection: false,
    fastOpen: false
  })
  client.on('error', noop)
  t.ok(await client.opened)
  t.ok(seen.length > 0, 'it saw the replies to its NAT samples')
  for (const { socket, buf, rinfo } of seen) {
    t.ok(b4a.isBuffer(buf) && buf.byteLength > 1)
    t.is(rinfo.host, '127.0.0.1')
    t.ok(rinfo.port > 0)
    t.is(rinfo.family, 4)
    t.ok(socket !== dht.io.clientSocket && socket !== dht.io.serverSocket)
  }
  client.destroy()
  await server.close()
})

/** Both sides have to punch. */
const FIREWALLED = { quickFirewall: false }

function noop() {}
