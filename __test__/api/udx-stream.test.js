// Streams of UDX: the package `udx-native` is the reference.

const test = require('brittle')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { closed, once, record, thrown } = require('../helpers/fixtures')
const { destroy, readText } = require('../helpers/streams')

test('what a stream is before it is connected', async t => {
  const udx = new UDX()
  const stream = udx.createStream(7)
  t.is(stream.udx, udx)
  t.alike([stream.id, stream.remoteId, stream.remotePort, stream.remoteFamily], [7, 0, 0, 0])
  t.alike([stream.remoteHost, stream.socket, stream.userData], [null, null, null])
  t.alike([stream.localHost, stream.localPort, stream.localFamily], [null, 0, 0])
  t.is(stream.connected, false)
  t.is(stream.toJSON().socket, null)
  t.is(await stream.send(b4a.from('x')), false)
  t.is(stream.trySend(b4a.from('x')), undefined)
  t.is(await stream.flush(), true)
  stream.destroy()
  await once(stream, 'close')
  t.is(stream.destroyed, true)
})

test('ids are numbers of 32 bits', async t => {
  const { udx, sockets } = bound(t)
  const { a, b } = connect(udx, sockets, {}, [2 ** 32 + 1, -2])
  a.end('over there')
  t.is(await readText(b), 'over there')
  await destroy(a, b)
})

test('what it refuses', async t => {
  const { udx, sockets } = bound(t)
  const stream = udx.createStream(7)
  const message = call => thrown(call)?.message
  t.is(
    message(() => stream.connect(sockets[0], 1, 0)),
    '0 is not a valid port'
  )
  t.is(
    message(() => stream.connect(sockets[0], 1, 70000)),
    '70000 is not a valid port'
  )
  t.is(
    message(() => stream.connect(sockets[0], 1, 70, 'x')),
    'x is not a valid IP address'
  )
  t.is(
    message(() => stream.changeRemote(sockets[0], 1, 70)),
    'Not yet connected'
  )
  stream.connect(sockets[0], 1, 70)
  t.is(
    message(() => stream.connect(sockets[0], 1, 70)),
    'Already connected'
  )
  const other = new UDX().createSocket()
  t.is(
    message(() => stream.changeRemote(other, 1, 70)),
    'Cannot change to a socket on another UDX instance'
  )
  stream.destroy()
  t.is(stream.connect(sockets[0], 1, 70), undefined, 'a closed stream ignores it')
  await once(stream, 'close')

  const gone = udx.createSocket()
  gone.bind(0, '127.0.0.1')
  await gone.close()
  const late = udx.createStream(8)
  t.is(
    message(() => late.connect(gone, 1, 70)),
    'Socket is closed'
  )
  late.destroy()
})

test('each end knows the other', async t => {
  const { sockets, a, b } = connected(t)
  t.alike([a.remoteId, a.remoteHost, a.remoteFamily], [b.id, '127.0.0.1', 4])
  t.is(a.remotePort, sockets[1].address().port)
  t.is(a.socket, sockets[0])
  t.alike([a.localHost, a.localPort, a.localFamily], ['127.0.0.1', sockets[0].address().port, 4])
  t.is(a.connected, true)
  t.alike(a.toJSON().socket, sockets[0].toJSON())
  t.ok(sockets[0].streams.has(a))
  await destroy(a, b)
})

test('bytes go both ways, until both have ended', async t => {
  const { sockets, a, b } = connected(t)
  const seen = [a, b].map(stream => record(stream, ['end', 'finish', 'close']))
  const got = [readText(a), readText(b)]
  a.write('hello ')
  a.write(b4a.from('world'))
  a.end()
  t.is(await got[1], 'hello world')
  t.is(a.destroying, false, 'half-open')
  b.end('and back')
  t.is(await got[0], 'and back')
  await Promise.all([closed(a), closed(b)])
  t.alike(seen[0], ['finish', 'end', 'close'])
  t.alike(seen[1], ['end', 'finish', 'close'])
  t.alike([a.connected, a.socket, a.remoteHost], [false, null, '127.0.0.1'])
  t.alike([sockets[0].idle, sockets[1].idle], [true, true])
})

test('a lot of data arrives in order', async t => {
  const { a, b } = connected(t)
  const chunk = b4a.alloc(64 * 1024)
  for (let i = 0; i < chunk.length; i++) chunk[i] = i % 251
  const rounds = 64
  let received = 0
  let wrong = 0
  b.on('data', data => {
    for (const byte of data) {
      const at = received++ % chunk.length
      if (byte !== chunk[at]) wrong++
    }
  })
  for (let i = 0; i < rounds; i++) {
    if (!a.write(chunk)) await once(a, 'drain')
  }
  a.end()
  b.end()
  await Promise.all([closed(a), closed(b)])
  t.is(received, rounds * chunk.length)
  t.is(wrong, 0)
})

test('destroy: close at home at once, ECONNRESET at the peer', async t => {
  const { sockets, a, b } = connected(t)
  const idle = record(sockets[0], ['idle'])
  const [home, away] = [closed(a), closed(b)]
  a.destroy()
  t.alike([a.connected, idle.length], [false, 1])
  t.is(await home, null)
  const error = await away
  t.alike([error.code, error.message], ['ECONNRESET', 'connection reset by peer'])
})

test('destroy while the peer waits to write', async t => {
  const { a, b } = connected(t)
  const away = closed(b)
  // more than a peer holds that does not read
  for (let i = 0; i < 256; i++) {
    b.write(b4a.alloc(64 * 1024))
    await new Promise(setImmediate)
  }
  a.destroy()
  t.is((await away).code, 'ECONNRESET')
})

test('destroy with an error emits it at home', async t => {
  const { a, b } = connected(t)
  const [home, away] = [closed(a), closed(b)]
  a.destroy(new Error('mine'))
  t.is((await home).message, 'mine')
  t.is((await away).code, 'ECONNRESET')
})

test('messages', async t => {
  const { a, b } = connected(t)
  const first = once(b, 'message')
  t.is(await a.send(b4a.from('a message')), true)
  t.alike(await first, b4a.from('a message'))
  const second = once(a, 'message')
  b.trySend(b4a.alloc(0))
  t.is((await second).byteLength, 0)
  await destroy(a, b)
  t.is(await a.send(b4a.from('late')), false)
})

test('flush resolves when the peer has everything', async t => {
  const { a, b } = connected(t)
  let received = 0
  b.on('data', data => {
    received += data.byteLength
  })
  a.write(b4a.alloc(100_000))
  t.is(await a.flush(), true)
  t.is(await a.flush(), true)
  await destroy(a, b)
  t.is(await a.flush(), false)
  t.is(received, 100_000)
})

test('a firewall that connects lets its packet in', async t => {
  const { udx, sockets } = bound(t)
  const port = sockets[0].address().port
  const asked = []
  const b = udx.createStream(2, {
    firewall(socket, port, host, family) {
      asked.push([this === b, socket === sockets[1], port, host, family])
      b.connect(socket, 1, port, host)
      return false
    }
  })
  const a = udx.createStream(1)
  a.connect(sockets[0], 2, sockets[1].address().port)
  a.write('who is there?')
  t.alike(await once(b, 'data'), b4a.from('who is there?'))
  t.alike(asked, [[true, true, port, '127.0.0.1', 4]])
  b.write('me')
  t.alike(await once(a, 'data'), b4a.from('me'))
  t.is(asked.length, 1)
  await destroy(a, b)
})

test('what a firewall lets in is read before the stream is connected', async t => {
  const { udx, sockets } = bound(t)
  const a = udx.createStream(1)
  const b = udx.createStream(2, { firewall: () => false })
  a.connect(sockets[0], 2, sockets[1].address().port)
  a.write('early')
  t.alike(await once(b, 'data'), b4a.from('early'))
  t.is(b.connected, false)
  b.connect(sockets[1], 1, sockets[0].address().port)
  t.is(await a.flush(), true)
  a.write('late')
  t.alike(await once(b, 'data'), b4a.from('late'))
  await destroy(a, b)
})

test('a firewall that refuses is asked again, and a stream without one takes nothing', async t => {
  const { udx, sockets } = bound(t)
  const asked = []
  const b = udx.createStream(2, {
    firewall(socket, port, host) {
      asked.push(port)
      if (asked.length < 2) return true
      b.connect(socket, 1, port, host)
      return false
    }
  })
  const a = udx.createStream(1)
  a.connect(sockets[0], 2, sockets[1].address().port)
  a.write('knock')
  t.alike(await once(b, 'data'), b4a.from('knock'))
  t.is(asked.length, 2)
  await destroy(a, b)
})

test('changeRemote: to another socket, while nothing is under way', async t => {
  const { udx, sockets, a, b } = connected(t, { firewall: () => false })
  const third = udx.createSocket()
  third.bind(0, '127.0.0.1')
  const changed = record(a, ['remote-changed'])
  const done = a.changeRemote(third, b.id, sockets[1].address().port)
  t.is(changed.length, 1, 'at once')
  t.is(a.socket, third)
  t.alike([sockets[0].streams.has(a), third.streams.has(a)], [false, true])
  await done

  a.write('over the third socket')
  t.alike(await once(b, 'data'), b4a.from('over the third socket'))
  await destroy(a, b)
  await third.close()
})

test('changeRemote: in the middle of the traffic', async t => {
  const { udx, sockets, a, b } = connected(t, { firewall: () => false })
  const third = udx.createSocket()
  third.bind(0, '127.0.0.1')
  const all = readText(b)
  a.write(b4a.alloc(100_000, 'a'))
  await once(b, 'data')
  a.write(b4a.alloc(100_000, 'b'))
  await a.changeRemote(third, b.id, sockets[1].address().port)
  a.end(b4a.alloc(100_000, 'c'))
  b.end()
  t.is((await all).length, 300_000)
  await Promise.all([closed(a), closed(b)])
  await third.close()
})

test('a relay: two streams that forward to each other', async t => {
  const { udx, sockets } = bound(t)
  const [one, two] = [udx.createStream(21), udx.createStream(22)]
  const [a, b] = [udx.createStream(31), udx.createStream(32)]
  const port = i => sockets[i].address().port
  one.relayTo(two)
  two.relayTo(one)
  one.connect(sockets[0], 31, port(1))
  two.connect(sockets[0], 32, port(1))
  a.connect(sockets[1], 21, port(0))
  b.connect(sockets[1], 22, port(0))
  const got = readText(b)
  a.write('through ')
  a.write('the relay')
  a.end()
  t.is(await got, 'through the relay')
  const ends = [closed(one), closed(b)]
  a.destroy()
  for (const error of await Promise.all(ends)) t.is(error.code, 'ECONNRESET')
  two.destroy()
})

test('frames are delivered in one piece', async t => {
  const { a, b } = connected(t, { framed: true })
  const frame = b4a.alloc(3 + 5000, 'x')
  frame.set([5000 & 255, 5000 >> 8, 0])
  a.write(frame)
  t.alike(await once(b, 'data'), frame)
  await destroy(a, b)
})

test('numbers', async t => {
  const { a, b } = connected(t)
  a.write(b4a.alloc(10_000))
  b.resume()
  await a.flush()
  t.ok(a.bytesTransmitted > 10_000 && b.bytesReceived > 10_000)
  t.ok(a.packetsTransmitted > 8 && b.packetsReceived > 8)
  t.ok(a.mtu >= 1200 && a.cwnd > 0 && a.rtt >= 0)
  t.ok([0, 1, 2, 3].includes(a.bbrState) && a.bbrBandwidth >= 0)
  t.execution(() => a.setKeepalive(1000))
  t.execution(() => a.setInteractive(true))
  for (const name of ['inflight', 'retransmits', 'fastRecoveries', 'rtoCount']) {
    t.is(a[name], 0, name)
  }
  await destroy(a, b)
})

test('options seq and ack', async t => {
  const { udx, sockets } = bound(t)
  const first = [1000, 0xffffffff]
  const [a, b] = [1, 2].map((id, i) => udx.createStream(id, { seq: first[i] }))
  const port = i => sockets[i].address().port
  a.connect(sockets[0], 2, port(1), '127.0.0.1', { ack: first[1] })
  b.connect(sockets[1], 1, port(0), { ack: first[0] })
  for (const [from, to] of [
    [a, b],
    [b, a],
    [a, b]
  ]) {
    from.write('numbered')
    t.alike(await once(to, 'data'), b4a.from('numbered'))
    t.is(await from.flush(), true)
  }
  const all = [readText(a), readText(b)]
  a.end(b4a.alloc(100_000))
  b.end(b4a.alloc(100_000))
  t.alike(
    (await Promise.all(all)).map(text => text.length),
    [100_000, 100_000]
  )
})

test('an id can be used again', async t => {
  const { udx, sockets } = bound(t)
  for (const text of ['one', 'two', 'three']) {
    const { a, b } = connect(udx, sockets)
    a.write(text)
    t.alike(await once(b, 'data'), b4a.from(text))
    // only one end resets the other: a packet that is late would meet the next stream of this id
    const all = Promise.all([closed(a), closed(b)])
    a.destroy()
    await all
  }
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

/** Two streams that are connected to each other. */
function connected(t, opts) {
  const { udx, sockets } = bound(t)
  return { udx, sockets, ...connect(udx, sockets, opts) }
}

function connect(udx, sockets, opts, ids = [1, 2]) {
  const [a, b] = ids.map(id => udx.createStream(id, opts))
  a.connect(sockets[0], ids[1], sockets[1].address().port)
  b.connect(sockets[1], ids[0], sockets[0].address().port)
  return { a, b }
}
