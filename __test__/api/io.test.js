// `dht.io` and the sockets of a node, for programs that work below its requests.

const test = require('brittle')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

/** The first byte of a datagram of the DHT. */
const REQUEST = 0x03
const RESPONSE = 0x13

const PING = 0
const UNKNOWN = 77

test('message: what arrives at the sockets of a node', async t => {
  const { io } = await node(t, await testnet(t, 1))
  const socket = new UDX().createSocket()
  socket.bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  const { port } = socket.address()

  for (const own of [io.clientSocket, io.serverSocket]) {
    const arrived = nextMessage(own, 'from a program')
    await socket.send(b4a.from('from a program'), own.address().port, '127.0.0.1')
    t.alike(await arrived, { host: '127.0.0.1', family: 4, port })

    const answered = nextMessage(socket, 'an answer')
    await own.send(b4a.from('an answer'), port, '127.0.0.1')
    t.alike(await answered, { host: '127.0.0.1', family: 4, port: own.address().port })
  }
})

test('message: what the node handles itself, and what was never sent as a datagram', async t => {
  const net = await testnet(t, 1)
  const [here, there] = [await node(t, net), await node(t, net)]
  const { serverSocket } = there.io
  const request = nextDatagram(serverSocket, data => data[0] === REQUEST)
  const { from } = await here.ping(serverSocket.address())
  t.is(from.port, serverSocket.address().port, 'the node answers')
  t.ok((await request).byteLength > 9)

  const heard = []
  const listener = data => heard.push(data)
  serverSocket.on('message', listener)
  serverSocket.off('message', listener)
  await here.ping(serverSocket.address())
  await here.ping(serverSocket.address())
  t.is(heard.length, 0)
})

test('onmessage: a datagram from elsewhere', async t => {
  const net = await testnet(t, 1)
  const [here, there] = [await node(t, net), await node(t, net)]
  const { serverSocket } = there.io
  const request = nextDatagram(serverSocket, data => data[0] === REQUEST)
  await here.ping(serverSocket.address())
  const datagram = await request
  const tid = datagram.readUInt16LE(2)

  const again = nextDatagram(here.socket, data => {
    return data[0] === RESPONSE && data.readUInt16LE(2) === tid
  })
  const { port } = here.socket.address()
  const rinfo = { host: '127.0.0.1', family: 4, port }
  there.io.onmessage(serverSocket, datagram, { ...rinfo, port: 0 })
  there.io.onmessage(serverSocket, b4a.from([REQUEST]), rinfo)
  there.io.onmessage(serverSocket, datagram, rinfo)
  await again
  t.pass('is answered')
})

test('createRequest: an answer', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  const [to] = net.bootstrap
  const req = dht.io.createRequest({ id: null, ...to }, null, true, PING, null, null, null, 0)
  t.alike([req.to.port, req.command, req.internal, req.sent, req.retries], [to.port, 0, true, 0, 3])
  t.alike([req.target, req.token, req.value, req.session], [null, null, null, null])
  t.is(req.socket, dht.socket)
  req.onerror = () => t.fail('it is answered')
  const answered = new Promise(resolve => {
    req.onresponse = (...args) => resolve(args)
  })
  req.send()
  t.is(req.sent, 1)
  const [res, of] = await answered
  t.alike([res.from.port, res.error], [to.port, 0])
  t.is(of, req)

  const user = dht.io.createRequest(to, null, false, UNKNOWN, b4a.alloc(32), b4a.from('value'))
  const refused = new Promise(resolve => {
    user.onresponse = resolve
  })
  user.send()
  t.is((await refused).error, 1)
})

test('createRequest: nobody answers', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  const session = dht.session()
  const nobody = { host: '127.0.0.1', port: 9 }
  const req = dht.io.createRequest(nobody, null, true, PING, null, null, session, 0)
  req.retries = 0
  req.onresponse = () => t.fail('nobody answers')
  const failed = new Promise(resolve => {
    req.onerror = (...args) => resolve(args)
  })
  req.send()
  t.is(session.inflight.length, 1)
  const [err, of] = await failed
  t.is(err.code, 'REQUEST_TIMEOUT')
  t.is(of, req)
  t.is(session.inflight.length, 0)
})

test('createRequest: given up by its own onerror', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  const req = dht.io.createRequest(net.bootstrap[0], null, true, PING, null, null)
  let calls = 0
  req.onerror = (err, of) => {
    calls++
    of.destroy(err)
  }
  req.destroy()
  t.is(calls, 1)
  t.ok(req.destroyed)
})

test('createRequest: given up', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  for (const isSent of [false, true]) {
    for (const err of [undefined, new Error('of the program')]) {
      const req = dht.io.createRequest(net.bootstrap[0], null, true, PING, null, null)
      req.onresponse = () => t.fail('it was given up')
      const failed = new Promise(resolve => {
        req.onerror = resolve
      })
      if (isSent) req.send()
      req.destroy(err)
      t.ok(req.destroyed)
      const given = await failed
      if (err) t.is(given, err)
      else t.is(given.code, 'REQUEST_DESTROYED')
      req.send()
      req.destroy()
    }
  }
  await dht.destroy()
  t.is(dht.io.createRequest(net.bootstrap[0], null, true, PING, null, null), null)
})

test('bind resolves when the sockets are bound', async t => {
  const dht = await node(t, await testnet(t, 1))
  await dht.io.bind()
  t.ok(dht.io.serverSocket.address().port > 0)
})

/** The next datagram that is meant. */
function nextDatagram(socket, isMeant) {
  return new Promise(resolve => {
    socket.on('message', data => {
      if (isMeant(data)) resolve(b4a.from(data))
    })
  })
}

/** The source of the next datagram with this text. */
function nextMessage(socket, text) {
  return new Promise(resolve => {
    socket.on('message', (data, from) => {
      if (b4a.toString(data) === text) resolve(from)
    })
  })
}
