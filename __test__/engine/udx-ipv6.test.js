// Datagrams and streams of UDX to and from IPv6 addresses. The package `udx-native` is the
// reference.

const test = require('brittle')
const b4a = require('b4a')
const { UDX, isNative } = require('../helpers/implementation')
const {
  closed,
  node,
  once,
  record,
  rejected,
  sleep,
  testnet,
  thrown
} = require('../helpers/fixtures')
const { bind, testOf } = require('../helpers/ipv6')
const { destroy, read } = require('../helpers/streams')

const testIPv6 = testOf(UDX)

test('what is no address', async t => {
  const udx = new UDX()
  const socket = bind(t, udx, '127.0.0.1')
  const stream = udx.createStream(1)
  for (const host of ['::g', '1:2:3', ':::', '::1%', '[::1]', '127.0.0.01', '::ffff:127.0.0.01']) {
    const message = `${host} is not a valid IP address`
    t.is((await rejected(socket.send(b4a.from('x'), 1, host))).message, message)
    t.is(thrown(() => socket.trySend(b4a.from('x'), 1, host))?.message, message)
    t.is(thrown(() => stream.connect(socket, 1, 1, host))?.message, message)
    t.is(thrown(() => udx.createSocket().bind(0, host))?.message, message)
  }
  stream.destroy()
})

testIPv6('the address of a socket', async t => {
  const udx = new UDX()
  for (const host of ['::1', '::', '0:0:0:0:0:0:0:1']) {
    const socket = bind(t, udx, host)
    const { port, ...rest } = socket.address()
    t.alike(rest, { host, family: 6 })
    t.ok(port > 0)
  }
})

testIPv6('datagrams: to ::1, and back to their source', async t => {
  const udx = new UDX()
  for (const [one, other] of [
    ['::1', '::1'],
    ['::', '::1'],
    ['::', '::']
  ]) {
    const [a, b] = [bind(t, udx, one), bind(t, udx, other)]
    const first = message(b)
    t.is(await a.send(b4a.from('there'), b.address().port, '::1'), true)
    const { data, from } = await first
    t.alike(data, b4a.from('there'))
    t.alike(from, { host: '::1', family: 6, port: a.address().port })

    const second = message(a)
    t.is(b.trySend(b4a.from('back'), from.port, from.host, 5), undefined)
    t.alike(await second, {
      data: b4a.from('back'),
      from: { host: '::1', family: 6, port: b.address().port }
    })
  }
})

testIPv6('datagrams: an empty one, and ::1 in other words', async t => {
  const udx = new UDX()
  const [a, b] = [bind(t, udx, '::1'), bind(t, udx, '::1')]
  for (const host of ['::1', '0:0:0:0:0:0:0:1', '::0.0.0.1', '::1%lo']) {
    const got = message(b)
    t.is(await a.send(b4a.alloc(0), b.address().port, host), true, host)
    t.alike((await got).data.byteLength, 0)
  }
})

testIPv6('datagrams: many, of all sizes', async t => {
  const udx = new UDX()
  const [a, b] = [bind(t, udx, '::1'), bind(t, udx, '::1')]
  const sizes = [1, 19, 20, 21, 1000, 1200, 1472]
  const got = []
  const all = new Promise(resolve => {
    b.on('message', data => {
      got.push(data.byteLength)
      if (got.length === sizes.length) resolve()
    })
  })
  for (const size of sizes) a.trySend(b4a.alloc(size, 1), b.address().port, '::1')
  await all
  t.alike(got, sizes)
})

testIPv6('datagrams: a socket on :: has IPv4 too', async t => {
  const udx = new UDX()
  const [both, four] = [bind(t, udx, '::'), bind(t, udx, '127.0.0.1')]
  const heard = message(both)
  await four.send(b4a.from('to both'), both.address().port, '127.0.0.1')
  t.alike((await heard).from, { host: '127.0.0.1', family: 4, port: four.address().port })
  for (const host of ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
    const got = message(four)
    t.is(await both.send(b4a.from(host), four.address().port, host), true)
    t.alike(await got, {
      data: b4a.from(host),
      from: { host: '127.0.0.1', family: 4, port: both.address().port }
    })
  }
})

testIPv6('datagrams: what a socket cannot send is lost', async t => {
  const udx = new UDX()
  const [four, six] = [bind(t, udx, '127.0.0.1'), bind(t, udx, '::1')]
  const only = bind(t, udx, '::', { ipv6Only: true })
  const seen = [four, six, only].map(socket => record(socket, ['message']))
  for (const [from, to, host] of [
    [four, six, '::1'],
    [six, four, '127.0.0.1'],
    [only, four, '127.0.0.1'],
    [four, only, '127.0.0.1']
  ]) {
    t.is(await from.send(b4a.from('x'), to.address().port, host), true)
  }
  await sleep(50)
  t.alike(seen, [[], [], []])
  const got = message(only)
  await six.send(b4a.from('x'), only.address().port, '::1')
  t.is((await got).from.family, 6)
})

testIPv6('datagrams: a socket that is not bound is bound when it sends', async t => {
  const udx = new UDX()
  const target = bind(t, udx, '::1')
  const socket = udx.createSocket()
  const got = message(target)
  t.is(await socket.send(b4a.from('hello'), target.address().port, '::1'), true)
  t.alike([socket.address().host, socket.address().family], ['::', 6])
  t.alike((await got).from, { host: '::1', family: 6, port: socket.address().port })
  await socket.close()
})

testIPv6('options of a socket', async t => {
  const udx = new UDX()
  for (const host of ['::1', '::']) {
    const socket = bind(t, udx, host)
    t.execution(() => socket.setTTL(3))
    t.execution(() => socket.addMembership('ff02::1'))
    t.execution(() => socket.dropMembership('ff02::1'))
    t.execution(() => socket.addMembership('224.0.0.1'))
    for (const args of [['::1%'], ['ff02::1', '127.0.0.1'], ['224.0.0.1', '::1']]) {
      t.is(thrown(() => socket.addMembership(...args))?.code, 'EINVAL', args.join())
    }
    const { port } = socket.address()
    t.is(thrown(() => udx.createSocket().bind(port, host))?.code, 'EADDRINUSE')
  }
  const four = bind(t, udx, '127.0.0.1')
  t.is(thrown(() => four.addMembership('ff02::1'))?.code, 'ENOPROTOOPT')
})

testIPv6('streams: each end knows the other', async t => {
  const { sockets, a, b } = connected(t, '::1', '::')
  t.alike([a.remoteId, a.remoteHost, a.remoteFamily], [b.id, '::1', 6])
  t.alike([a.remotePort, a.localPort], sockets.map(socket => socket.address().port).reverse())
  t.alike([a.localHost, a.localFamily, b.localHost, b.localFamily], ['::1', 6, '::', 6])
  const { remoteHost, remoteFamily, socket } = a.toJSON()
  t.alike([remoteHost, remoteFamily, socket], ['::1', 6, sockets[0].toJSON()])
  await destroy(a, b)
  t.alike([a.remoteHost, a.remoteFamily, a.localFamily], ['::1', 6, 0])
})

for (const hosts of [
  ['::1', '::1'],
  ['::1', '::'],
  ['::', '::']
]) {
  testIPv6(`streams: bytes go both ways, ${hosts.join(' and ')}`, async t => {
    const { a, b } = connected(t, ...hosts)
    const chunks = [0, 1].map(i => b4a.alloc(600_000, `of end ${i}, `))
    const got = [read(a), read(b)]
    a.end(chunks[0])
    b.end(chunks[1])
    t.alike(await got[1], chunks[0])
    t.alike(await got[0], chunks[1])
    t.alike(await Promise.all([closed(a), closed(b)]), [null, null])
    t.ok(a.bytesTransmitted > 600_000 && b.bytesReceived > 600_000)
  })
}

testIPv6('streams: flush, messages, numbers', async t => {
  const { a, b } = connected(t, '::1', '::1')
  b.resume()
  a.write(b4a.alloc(10_000))
  t.is(await a.flush(), true)
  t.ok(a.mtu >= 1200 && a.cwnd > 0 && a.inflight === 0 && a.retransmits === 0)
  for (const [from, to, size] of [
    [a, b, 9],
    [b, a, 0],
    [a, b, 1100]
  ]) {
    const got = once(to, 'message')
    t.is(await from.send(b4a.alloc(size, 7)), true)
    t.alike(await got, b4a.alloc(size, 7))
  }
  await destroy(a, b)
})

testIPv6('streams: destroy', async t => {
  const { a, b } = connected(t, '::1', '::')
  const [home, away] = [closed(a), closed(b)]
  a.destroy()
  t.is(await home, null)
  t.is((await away).code, 'ECONNRESET')
})

testIPv6('streams: a peer whose address is IPv4-mapped', async t => {
  const udx = new UDX()
  const sockets = [bind(t, udx, '::'), bind(t, udx, '127.0.0.1')]
  const [a, b] = [udx.createStream(1), udx.createStream(2)]
  a.connect(sockets[0], 2, sockets[1].address().port, '::ffff:127.0.0.1')
  b.connect(sockets[1], 1, sockets[0].address().port)
  t.alike([a.remoteHost, a.remoteFamily], ['::ffff:127.0.0.1', 6])
  a.write('mapped')
  t.alike(await once(b, 'data'), b4a.from('mapped'))
  b.write('back')
  t.alike(await once(a, 'data'), b4a.from('back'))
  await destroy(a, b)
})

testIPv6('streams: a socket that cannot reach the peer', async t => {
  const udx = new UDX()
  const [four, six] = [bind(t, udx, '127.0.0.1'), bind(t, udx, '::1')]
  const stream = udx.createStream(1)
  stream.connect(four, 2, six.address().port, '::1')
  t.alike([stream.connected, stream.remoteFamily], [true, 6])
  stream.write('lost')
  await sleep(20)
  await destroy(stream)
})

testIPv6('streams: firewall', async t => {
  const udx = new UDX()
  const sockets = [bind(t, udx, '::1'), bind(t, udx, '::')]
  const port = sockets[0].address().port
  const asked = []
  const b = udx.createStream(2, {
    firewall(socket, port, host, family) {
      asked.push([this === b, socket === sockets[1], port, host, family])
      if (asked.length === 1) return true
      b.connect(socket, 1, port, host)
      return false
    }
  })
  const a = udx.createStream(1)
  a.connect(sockets[0], 2, sockets[1].address().port, '::1')
  a.write('who is there?')
  t.alike(await once(b, 'data'), b4a.from('who is there?'))
  const question = [true, true, port, '::1', 6]
  t.alike(asked, [question, question])
  b.write('me')
  t.alike(await once(a, 'data'), b4a.from('me'))
  await destroy(a, b)
})

// The reference loses what it sends again over a socket that does not have the family of the former
// address.
const MOVES = [
  ['127.0.0.1', '::1', '::1'],
  ['::1', '::1', '::1'],
  ['::1', '::', '127.0.0.1'],
  ...(isNative ? [['::1', '127.0.0.1', '127.0.0.1']] : [])
]

for (const [before, host, after] of MOVES) {
  testIPv6(`streams: changeRemote from ${before} to ${after}, on ${host}`, async t => {
    const { udx, sockets, a, b } = connected(t, before, '::')
    const socket = bind(t, udx, host)
    const all = read(b)
    const parts = ['a', 'b', 'c'].map(letter => b4a.alloc(100_000, letter))
    a.write(parts[0])
    await once(b, 'data')
    a.write(parts[1])
    const moved = a.changeRemote(socket, b.id, sockets[1].address().port, after)
    const family = after === '::1' ? 6 : 4
    t.alike([a.remoteHost, a.remoteFamily, a.localHost], [after, family, host])
    b.changeRemote(sockets[1], a.id, socket.address().port, after)
    t.alike([b.remoteHost, b.remoteFamily], [after, family])
    await moved
    a.end(parts[2])
    t.alike(await all, b4a.concat(parts))
    b.end()
    await Promise.all([closed(a), closed(b)])
  })
}

testIPv6('streams: a relay between the families', async t => {
  const udx = new UDX()
  const [both, four, six] = ['::', '127.0.0.1', '::1'].map(host => bind(t, udx, host))
  const port = socket => socket.address().port
  const [one, two] = [udx.createStream(21), udx.createStream(22)]
  const [a, b] = [udx.createStream(31), udx.createStream(32)]
  one.relayTo(two)
  two.relayTo(one)
  one.connect(both, 31, port(four), '127.0.0.1')
  two.connect(both, 32, port(six), '::1')
  a.connect(four, 21, port(both), '127.0.0.1')
  b.connect(six, 22, port(both), '::1')
  const got = [read(a), read(b)]
  const data = b4a.alloc(300_000, 'through the relay, ')
  a.end(data)
  b.end('and back')
  t.alike(await got[1], data)
  t.alike(await got[0], b4a.from('and back'))
  await Promise.all([closed(a), closed(b)])
  await destroy(one, two)
})

testIPv6('raw streams of a node', async t => {
  const net = await testnet(t, 1)
  const [dht, other] = [await node(t, net, { host: '::' }), await node(t, net)]
  const six = bind(t, other.udx, '::1')
  const mine = dht.io.serverSocket
  const [a, b] = [dht.createRawStream(), other.createRawStream()]
  a.connect(mine, b.id, six.address().port, '::1')
  b.connect(six, a.id, mine.address().port, '::1')
  t.alike([a.remoteFamily, b.remoteFamily], [6, 6])
  for (const [from, to] of [
    [a, b],
    [b, a]
  ]) {
    from.write('over IPv6')
    t.alike(await once(to, 'data'), b4a.from('over IPv6'))
  }

  const heard = message(mine)
  await six.send(b4a.from('a datagram'), mine.address().port, '::1')
  t.alike(await heard, {
    data: b4a.from('a datagram'),
    from: { host: '::1', family: 6, port: six.address().port }
  })
  const got = message(six)
  await mine.send(b4a.from('back'), six.address().port, '::1')
  t.alike((await got).data, b4a.from('back'))
  t.is((await dht.ping(net.bootstrap[0])).from.host, '127.0.0.1')
  await destroy(a, b)
})

/** Two streams, each on a socket of its own, that reach each other over ::1 or 127.0.0.1. */
function connected(t, ...hosts) {
  const udx = new UDX()
  const sockets = hosts.map(host => bind(t, udx, host))
  const host = hosts.includes('127.0.0.1') ? '127.0.0.1' : '::1'
  const [a, b] = [udx.createStream(1, LET_IN), udx.createStream(2, LET_IN)]
  a.connect(sockets[0], 2, sockets[1].address().port, host)
  b.connect(sockets[1], 1, sockets[0].address().port, host)
  return { udx, sockets, a, b }
}

/** Without it, the reference drops what comes to the socket that a stream has left. */
const LET_IN = { firewall: () => false }

/** The next datagram of a socket. */
function message(socket) {
  return new Promise(resolve => {
    socket.once('message', (data, from) => resolve({ data, from }))
  })
}
