// Sockets of UDX, and what a UDX instance knows of its host. The package `udx-native` is the
// reference.

const test = require('brittle')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { once, record, rejected, thrown } = require('../helpers/fixtures')

test('what a socket is before it is bound', async t => {
  const udx = new UDX()
  const socket = udx.createSocket()
  t.is(socket.udx, udx)
  t.alike([socket.bound, socket.closing, socket.idle, socket.busy], [false, false, true, false])
  t.alike([socket.address(), socket.userData, socket.streams.size], [null, null, 0])
  t.alike(socket.toJSON(), {
    bound: false,
    closing: false,
    streams: 0,
    address: null,
    ipv6Only: false,
    reuseAddress: false,
    idle: true,
    busy: false
  })
  for (const name of ['setTTL', 'getRecvBufferSize', 'setRecvBufferSize', 'getSendBufferSize']) {
    t.is(thrown(() => socket[name](1000))?.message, 'Socket not active', name)
  }
  const seen = record(socket, ['close'])
  await socket.close()
  t.alike(seen, ['close'])
  t.is(socket.closing, true)
  t.is(thrown(() => socket.bind(0))?.message, 'Socket is closed')
  t.is(await socket.send(b4a.from('x'), 1), false)
})

test('bind', async t => {
  const udx = new UDX()
  const [one, two] = [udx.createSocket(), udx.createSocket()]
  const seen = record(one, ['listening', 'close'])
  one.bind(0, '127.0.0.1')
  t.alike(seen, ['listening'])
  const { host, family, port } = one.address()
  t.alike([host, family, one.bound], ['127.0.0.1', 4, true])
  t.ok(port > 0)
  t.is(thrown(() => one.bind(0))?.message, 'Already bound')
  t.is(thrown(() => two.bind(0, 'here'))?.message, 'here is not a valid IP address')

  const error = thrown(() => two.bind(port, '127.0.0.1'))
  t.alike([error.code, error.message], ['EADDRINUSE', 'address already in use'])
  t.is(two.bound, false)
  two.bind()
  t.ok(two.address().port > 0)

  await Promise.all([one.close(), two.close()])
  t.alike(seen, ['listening', 'close'])
  t.is(one.address().port, port, 'the address stays readable')
  const again = udx.createSocket()
  again.bind(port, '127.0.0.1')
  t.is(again.address().port, port, 'the port is free')
  await again.close()
})

test('sockets that share an address', async t => {
  const udx = new UDX()
  const sockets = [0, 1].map(() => udx.createSocket({ reuseAddress: true }))
  sockets[0].bind(0, '127.0.0.1')
  t.execution(() => sockets[1].bind(sockets[0].address().port, '127.0.0.1'))
  t.is(sockets[0].toJSON().reuseAddress, true)
  await Promise.all(sockets.map(socket => socket.close()))
})

test('datagrams', async t => {
  const { sockets } = bound(t)
  const [from, to] = sockets
  const { port } = to.address()
  const got = []
  const three = new Promise(resolve => {
    to.on('message', (data, source) => {
      got.push([b4a.toString(data), source])
      if (got.length === 4) resolve()
    })
  })
  t.is(await from.send(b4a.from('one'), port), true)
  t.is(await from.send(b4a.from('two'), port, '127.0.0.1', 5), true)
  t.is(from.trySend(b4a.from('three'), port, '127.0.0.1'), undefined)
  t.is(await from.send(b4a.alloc(0), port), true)
  await three
  const source = { host: '127.0.0.1', family: 4, port: from.address().port }
  t.alike(got, [
    ['one', source],
    ['two', source],
    ['three', source],
    ['', source]
  ])
  const error = await rejected(from.send(b4a.from('x'), port, 'there'))
  t.is(error.message, 'there is not a valid IP address')
})

test('a socket that is not bound is bound when it sends', async t => {
  const { udx, sockets } = bound(t)
  const socket = udx.createSocket()
  const arrived = once(sockets[0], 'message')
  t.is(await socket.send(b4a.from('hello'), sockets[0].address().port), true)
  t.is(socket.bound, true)
  t.alike(await arrived, b4a.from('hello'))
  await socket.close()
})

test('busy, idle, and a close that waits for the last stream', async t => {
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const seen = record(socket, ['busy', 'idle', 'close'])
  const streams = [udx.createStream(1), udx.createStream(2)]
  for (const stream of streams) stream.connect(socket, 9, 9)
  t.alike([seen.join(), socket.busy, socket.streams.size], ['busy', true, 2])
  streams[0].destroy()
  t.alike(seen, ['busy'])

  const closing = socket.close()
  t.alike([socket.closing, socket.bound], [true, true])
  streams[1].destroy()
  await closing
  t.alike(seen, ['busy', 'close'])

  const other = udx.createSocket()
  other.bind(0, '127.0.0.1')
  const events = record(other, ['busy', 'idle'])
  const stream = udx.createStream(3)
  stream.connect(other, 9, 9)
  stream.destroy()
  t.alike(events, ['busy', 'idle'])
  await other.close()
})

test('options of a bound socket', async t => {
  const { sockets } = bound(t)
  const [socket] = sockets
  t.execution(() => socket.setTTL(3))
  for (const ttl of [0, 256]) t.is(thrown(() => socket.setTTL(ttl))?.code, 'EINVAL')
  socket.setRecvBufferSize(100_000)
  t.ok(socket.getRecvBufferSize() >= 100_000)
  socket.setSendBufferSize(100_000)
  t.ok(socket.getSendBufferSize() >= 100_000)
  t.is(thrown(() => socket.addMembership('here'))?.code, 'EINVAL')
})

test('addresses', t => {
  for (const host of ['127.0.0.1', '0.0.0.0', '255.255.255.255']) {
    t.alike([UDX.isIP(host), UDX.isIPv4(host), UDX.isIPv6(host)], [4, true, false], host)
  }
  for (const host of ['::', '::1', 'fe80::1%eth0', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::8']) {
    t.alike([UDX.isIP(host), UDX.isIPv4(host), UDX.isIPv6(host)], [6, false, true], host)
  }
  for (const host of ['', 'localhost', '1.2.3', '1.2.3.256', '1:2', ':::', '1::2::3', '12345::']) {
    t.is(UDX.isIP(host), 0, host)
  }
})

test('lookup', async t => {
  const udx = new UDX()
  t.alike(await udx.lookup('127.0.0.1'), { host: '127.0.0.1', family: 4 })
  t.is((await udx.lookup('localhost', { family: 4 })).host, '127.0.0.1')
  const error = await rejected(udx.lookup('nobody.invalid'))
  t.ok(error instanceof Error)
})

test('network interfaces, and a watch', async t => {
  const udx = new UDX()
  const all = udx.networkInterfaces()
  const loopback = all.find(({ host }) => host === '127.0.0.1')
  t.alike([loopback.family, loopback.internal], [4, true])
  t.is(typeof loopback.name, 'string')

  const watcher = udx.watchNetworkInterfaces(() => {})
  t.alike([...watcher], watcher.interfaces)
  t.is(watcher.unwatch(), watcher)
  t.is(watcher.watch(), watcher)
  const seen = record(watcher, ['close'])
  await watcher.destroy()
  t.alike(seen, ['close'])
})

test('an instance counts what its sockets carry', async t => {
  const { udx, sockets } = bound(t)
  const before = udx.bytesTransmitted
  const [a, b] = [udx.createStream(1), udx.createStream(2)]
  a.connect(sockets[0], 2, sockets[1].address().port)
  b.connect(sockets[1], 1, sockets[0].address().port)
  a.write(b4a.alloc(5000))
  b.resume()
  await a.flush()
  t.ok(udx.bytesTransmitted >= before + 5000 && udx.bytesReceived >= 5000)
  t.ok(udx.packetsTransmitted > 0 && udx.packetsReceived > 0)
  a.on('error', () => {})
  b.on('error', () => {})
  a.destroy()
  b.destroy()
})

/** Two bound sockets of one instance, which close with the test. */
function bound(t) {
  const udx = new UDX()
  const sockets = [udx.createSocket(), udx.createSocket()]
  for (const socket of sockets) {
    socket.bind(0, '127.0.0.1')
    t.teardown(() => socket.close())
  }
  return { udx, sockets }
}
