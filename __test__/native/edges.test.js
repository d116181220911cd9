// What differs from the reference at the edges of a node (docs/COMPATIBILITY.md): its sockets, its
// UDX instance, `dht.io`, the filter of its routing table.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, RPC, UDX, deep } = require('../helpers/implementation')
const { node, once, pair, rejected, testnet, thrown } = require('../helpers/fixtures')

test('a program cannot close the sockets of a node', async t => {
  const { client, dhts } = await pair(t, await testnet(t))
  const { io } = dhts[1]
  for (const socket of [io.clientSocket, io.serverSocket, client.rawStream.socket]) {
    t.is((await rejected(socket.close())).code, 'EBUSY')
    t.is(socket.closing, false)
  }
})

test('io.suspend, resume and destroy are those of the node', async t => {
  const dht = await node(t, await testnet(t, 1))
  await dht.io.suspend()
  t.is(dht.suspended, true)
  await dht.io.resume()
  t.is(dht.suspended, false)
  const closed = once(dht, 'close')
  await dht.io.destroy()
  await closed
  t.is(dht.destroyed, true)
})

test('a UDX instance that another node has', async t => {
  const net = await testnet(t, 1)
  const udx = new UDX()
  const first = await node(t, net, { udx })
  const second = await node(t, net, { udx })
  const stream = udx.createStream(1)
  const connect = dht => thrown(() => stream.connect(dht.socket, 1, 1, '127.0.0.1'))
  t.ok(/on another UDX instance/.test(connect(second).message), 'its streams are the first node')
  t.is(connect(first), null)
  stream.destroy()
  t.ok(thrown(() => new DHT({ bootstrap: [], udx: {} })) instanceof TypeError)
})

test('createRequest: what cannot be sent', async t => {
  const dht = await node(t, await testnet(t, 1))
  const fails = async (...args) => {
    const req = dht.io.createRequest(...args)
    const failed = new Promise(resolve => {
      req.onerror = resolve
    })
    req.send()
    return failed
  }
  const to = { host: '127.0.0.1', port: 9 }
  t.ok((await fails({ ...to, port: 70_000 }, null, true, 0)) instanceof RangeError)
  t.ok((await fails(to, b4a.alloc(1), true, 0)) instanceof RangeError)
  t.ok((await fails(to, null, true, 'x')) instanceof TypeError)
})

test('a listener of a socket is no listener of the next one after a sleep', async t => {
  const net = await testnet(t, 1)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const heard = []
  const { serverSocket } = dht.io
  serverSocket.on('message', data => heard.push(data))
  const first = once(serverSocket, 'message')
  await other.ping(serverSocket.address())
  await first
  await dht.suspend()
  await dht.resume()
  heard.length = 0
  await other.ping(dht.io.serverSocket.address())
  t.alike([heard.length, dht.io.serverSocket === serverSocket], [0, false])
})

test('filterNode: no function', t => {
  t.ok(thrown(() => new RPC({ filterNode: 'yes' })) instanceof TypeError)
  const dht = new DHT({ bootstrap: [], filterNode: 'ignored, as in the reference' })
  t.teardown(() => dht.destroy())
})

test('a program makes no punchers', t => {
  const Holepuncher = deep('lib/holepuncher')
  t.ok(/static functions/.test(thrown(() => new Holepuncher()).message))
})
