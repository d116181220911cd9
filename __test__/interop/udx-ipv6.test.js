// Datagrams and streams over IPv6 between ours and udx-native.

const b4a = require('b4a')
const Ours = require('../../udx')
const Theirs = require('udx-native')
const { closed, once } = require('../helpers/fixtures')
const { bind, testOf } = require('../helpers/ipv6')
const { read } = require('../helpers/streams')

const testIPv6 = testOf(Theirs)

for (const [One, Other, title] of [
  [Ours, Theirs, 'ours to theirs'],
  [Theirs, Ours, 'theirs to ours']
]) {
  testIPv6(`datagrams: ${title}`, async t => {
    const [one, other] = [bind(t, new One(), '::1'), bind(t, new Other(), '::')]
    const heard = once(other, 'message')
    await one.send(b4a.from('there'), other.address().port, '::1')
    t.alike(await heard, b4a.from('there'))
    const back = new Promise(resolve => one.once('message', (_, from) => resolve(from)))
    await other.send(b4a.from('back'), one.address().port, '::1')
    t.alike(await back, { host: '::1', family: 6, port: other.address().port })
  })

  testIPv6(`a stream: ${title}`, async t => {
    const { a, b } = connected(t, One, Other)
    const chunks = [0, 1].map(i => b4a.alloc(2_000_000, `of end ${i}, `))
    const got = [read(a), read(b)]
    for (const [from, to] of [
      [a, b],
      [b, a]
    ]) {
      const message = once(to, 'message')
      from.trySend(b4a.from('a message'))
      t.alike(await message, b4a.from('a message'))
    }
    a.write(chunks[0])
    t.is(await a.flush(), true)
    b.end(chunks[1])
    a.end()
    t.ok(chunks[0].equals(await got[1]))
    t.ok(chunks[1].equals(await got[0]))
    t.alike(await Promise.all([closed(a), closed(b)]), [null, null])
  })

  testIPv6(`firewall and destroy: ${title}`, async t => {
    const sockets = [bind(t, new One(), '::1'), bind(t, new Other(), '::')]
    const asked = []
    const b = sockets[1].udx.createStream(2, {
      firewall(socket, port, host, family) {
        asked.push([port, host, family])
        b.connect(socket, 1, port, host)
        return false
      }
    })
    const a = sockets[0].udx.createStream(1)
    a.connect(sockets[0], 2, sockets[1].address().port, '::1')
    a.write('who is there?')
    t.alike(await once(b, 'data'), b4a.from('who is there?'))
    t.alike(asked, [[sockets[0].address().port, '::1', 6]])
    const away = closed(b)
    a.destroy()
    t.is((await away).code, 'ECONNRESET')
  })

  testIPv6(`changeRemote from 127.0.0.1 to ::1: ${title}`, async t => {
    const { a, b, sockets } = connected(t, One, Other, '127.0.0.1')
    const six = bind(t, sockets[0].udx, '::1')
    const all = read(b)
    a.write(b4a.alloc(200_000, 'a'))
    const moved = a.changeRemote(six, b.id, sockets[1].address().port, '::1')
    b.changeRemote(sockets[1], a.id, six.address().port, '::1')
    await moved
    a.end(b4a.alloc(200_000, 'b'))
    b.end()
    t.alike(await all, b4a.concat(['a', 'b'].map(letter => b4a.alloc(200_000, letter))))
    a.resume()
    await Promise.all([closed(a), closed(b)])
  })

  testIPv6(`a relay, which is the first of ${title}`, async t => {
    const { a, b, relays } = relayed(t, One, Other)
    const got = [read(a), read(b)]
    const data = b4a.alloc(1_000_000, 'through the relay, ')
    a.end(data)
    b.end('and back')
    t.ok(data.equals(await got[1]))
    t.alike(await got[0], b4a.from('and back'))
    await Promise.all([closed(a), closed(b)])
    const ends = relays.map(closed)
    for (const stream of relays) stream.destroy()
    await Promise.all(ends)
  })
}

/** Two streams that reach each other over ::1, or another address. */
function connected(t, One, Other, host = '::1') {
  const sockets = [bind(t, new One(), host), bind(t, new Other(), '::')]
  const [a, b] = sockets.map((socket, i) => socket.udx.createStream(i + 1, { firewall: letIn }))
  a.connect(sockets[0], 2, sockets[1].address().port, host)
  b.connect(sockets[1], 1, sockets[0].address().port, host)
  return { sockets, a, b }
}

/** Two streams that reach each other through two streams of a relay. */
function relayed(t, Relay, End) {
  const [relay, four, six] = [
    bind(t, new Relay(), '::'),
    bind(t, new End(), '127.0.0.1'),
    bind(t, new End(), '::1')
  ]
  const port = socket => socket.address().port
  const [one, two] = [21, 22].map(id => relay.udx.createStream(id))
  const [a, b] = [four, six].map((socket, i) => socket.udx.createStream(31 + i))
  one.relayTo(two)
  two.relayTo(one)
  one.connect(relay, a.id, port(four), '127.0.0.1')
  two.connect(relay, b.id, port(six), '::1')
  a.connect(four, one.id, port(relay), '127.0.0.1')
  b.connect(six, two.id, port(relay), '::1')
  return { a, b, relays: [one, two] }
}

/** Without it, a peer of the reference drops what comes to the socket that it has left. */
function letIn() {
  return false
}
