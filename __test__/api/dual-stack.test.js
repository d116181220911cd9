// `host: '::'` binds both families, and speaks IPv4.

const test = require('brittle')
const b4a = require('b4a')
const { node, testnet, once } = require('../helpers/fixtures')
const { read } = require('../helpers/streams')

test('addresses of a node on both families', async t => {
  const dht = await node(t, await testnet(t), { host: '::' })
  for (const socket of [dht.socket, dht.io.clientSocket, dht.io.serverSocket]) {
    const { host, family, port } = socket.address()
    t.alike([host, family, port > 0], ['::', 6, true])
  }
  t.alike(Object.keys(dht.address()).sort(), ['family', 'host', 'port'])
  t.is(dht.host, '127.0.0.1', 'as its peers see it')

  const { port } = dht.io.serverSocket.address()
  t.is(dht.localAddress().port, port)
  await dht.suspend()
  await dht.resume()
  t.alike(dht.io.serverSocket.address(), { host: '::', family: 6, port })
})

for (const accepts of [true, false]) {
  test(`connections, where the ${accepts ? 'server' : 'client'} is on both families`, async t => {
    const net = await testnet(t)
    const serverDht = await node(t, net, accepts ? BOTH : {})
    const clientDht = await node(t, net, accepts ? {} : BOTH)
    const server = serverDht.createServer()
    await server.listen()

    const connection = once(server, 'connection')
    const client = clientDht.connect(server.publicKey)
    client.on('error', noop)
    const accepted = (await connection).on('error', noop)
    await client.opened
    const { rawStream } = accepts ? accepted : client
    t.alike([rawStream.remoteHost, rawStream.remoteFamily], ['127.0.0.1', 4])

    const data = b4a.alloc(100_000, 1)
    const all = read(accepted)
    client.end(data)
    t.alike(await all, data)
    const back = read(client)
    accepted.end(data)
    t.alike(await back, data)
  })
}

test('requests and queries', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, BOTH)
  const other = await node(t, net)
  dht.onrequest = req => {
    t.is(req.from.host, '127.0.0.1')
    req.reply(req.value)
    return true
  }
  const to = { host: '127.0.0.1', port: dht.io.serverSocket.address().port }
  const value = b4a.from('x')
  t.alike((await other.request({ command: 99, value }, to)).value, value)
  t.is((await dht.ping(net.bootstrap[0])).from.host, '127.0.0.1')

  const { hash } = await dht.immutablePut(value)
  t.alike((await other.immutableGet(hash)).value, value)
})

const BOTH = { host: '::' }

function noop() {}
