const test = require('brittle')
const freePort = require('../helpers/free-port')
const { DHT, createTestnet } = require('../helpers/implementation')

test('size, bootstrap, iteration', async t => {
  const testnet = await createTestnet(3, t.teardown)
  t.is(testnet.nodes.length, 3)
  t.is(testnet.bootstrap.length, 1)
  t.is(testnet.bootstrap[0].host, '127.0.0.1')
  t.is(testnet.bootstrap[0].port, testnet.nodes[0].address().port)

  const [a, b, c] = testnet
  t.alike([a, b, c], testnet.nodes)
  for (const node of testnet) {
    t.ok(node instanceof DHT)
    t.is(node.bootstrapped, true)
    t.is(node.firewalled, false)
    t.is(node.host, '127.0.0.1')
    t.is(node.port, node.address().port)
  }
  for (const node of [b, c]) {
    t.is(node.ephemeral, false)
    t.is(node.id.byteLength, 32)
  }
})

test('size 0', async t => {
  const testnet = await createTestnet(0)
  t.alike(testnet.nodes, [])
  t.alike(testnet.bootstrap, [])
  await testnet.destroy()
})

test('the default size is 10', async t => {
  const testnet = await createTestnet()
  t.is(testnet.nodes.length, 10)
  await testnet.destroy()
})

test('createNode is synchronous, and destroyed with the rest', async t => {
  const testnet = await createTestnet(2)
  const node = testnet.createNode({ keyPair: DHT.keyPair() })
  t.is(testnet.nodes.length, 3)
  t.is(testnet.nodes[2], node)
  await node.fullyBootstrapped()
  t.is(node.ephemeral, true)
  t.is(node.id, null)

  const server = node.createServer()
  await server.listen()
  await testnet.destroy()
  t.ok(testnet.nodes.every(each => each.destroyed))
  t.ok(server.closed)
})

test('a testnet on the bootstrap of another', async t => {
  const first = await createTestnet(2, t.teardown)
  const options = { bootstrap: first.bootstrap }
  const second = await createTestnet(2, options)
  t.alike(second.bootstrap, first.bootstrap)
  t.not(second.bootstrap, first.bootstrap, 'the array is copied')
  await second.destroy()
})

test('teardown by options', async t => {
  let teardown = null
  let order = null
  const testnet = await createTestnet(1, {
    teardown(fn, options) {
      teardown = fn
      order = options.order
    }
  })
  t.is(order, Infinity)
  await teardown()
  t.ok(testnet.nodes[0].destroyed)
})

test('teardown as a function, and none for size 0', async t => {
  const calls = []
  const teardown = (fn, options) => calls.push({ fn, options })
  const testnet = await createTestnet(1, teardown)
  t.is(calls.length, 1)
  t.alike(calls[0].options, { order: Infinity })
  await calls[0].fn()
  t.ok(testnet.nodes[0].destroyed)

  await createTestnet(0, teardown)
  t.is(calls.length, 1)
})

test('host and port of the first node', async t => {
  const port = await freePort()
  const testnet = await createTestnet(2, { port, host: '127.0.0.1', teardown: t.teardown })
  t.alike(testnet.bootstrap, [{ host: '127.0.0.1', port }])
  t.is(testnet.nodes[0].address().host, '127.0.0.1')
  t.not(testnet.nodes[1].address().port, port)
})

test('another host binds all interfaces', async t => {
  const testnet = await createTestnet(1, { host: '10.0.0.1', teardown: t.teardown })
  t.is(testnet.bootstrap[0].host, '10.0.0.1', 'others are told it')
  t.is(testnet.nodes[0].address().host, '0.0.0.0')
})

test('createNode with options', async t => {
  const testnet = await createTestnet(2, t.teardown)
  const keyPair = DHT.keyPair()
  const node = testnet.createNode({ keyPair, ephemeral: false })
  t.is(node.defaultKeyPair, keyPair)
  t.alike(node.bootstrapNodes, testnet.bootstrap)
  await node.fullyBootstrapped()
  t.is(node.ephemeral, false)

  const isolated = testnet.createNode({ bootstrap: [] })
  t.alike(isolated.bootstrapNodes, [])
  t.is(testnet.nodes.at(-1), isolated)
})

test('destroy closes the servers, then the nodes from the last to the first', async t => {
  const testnet = await createTestnet(3)
  const order = []
  for (const [i, node] of testnet.nodes.entries()) {
    node.on('close', () => order.push(`node ${i}`))
    const server = node.createServer()
    server.on('close', () => order.push(`server ${i}`))
    await server.listen()
  }
  await testnet.destroy()
  t.alike(order, ['server 0', 'server 1', 'server 2', 'node 2', 'node 1', 'node 0'])
})
