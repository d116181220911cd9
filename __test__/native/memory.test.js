// Received data has memory of its own, which the program may keep or transfer. A closed node holds
// no memory.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, createTestnet } = require('../helpers/implementation')
const { node, once, pair, rejected, testnet } = require('../helpers/fixtures')
const runProgram = require('../helpers/run-program')

test('messages, ordered or not, share no memory', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const sizes = [1, 20, 64, 65, 100, 1000, 4095, 4096, 5000, 70_000]
  const messages = []
  for (const size of sizes) {
    const data = once(server, 'data')
    client.write(b4a.alloc(size, 1))
    messages.push(await data)
  }
  for (const size of sizes.filter(each => each <= 1000)) {
    const message = once(server, 'message')
    client.trySend(b4a.alloc(size, 1))
    messages.push(await message)
  }
  checkOwn(t, messages)
})

test('a connection goes on when the memory of its messages is given away', async t => {
  const { server, client } = await pair(t, await testnet(t))
  for (const size of [1, 100, 4095, 4096, 70_000, 1_000_000, 100]) {
    const message = once(server, 'data')
    client.write(b4a.alloc(size, 7))
    const data = await message
    t.is(data.byteLength, size)
    structuredClone(data, { transfer: [data.buffer] })
  }
})

test('keys, and values of requests and replies, share no memory', async t => {
  const net = await testnet(t)
  const asker = await node(t, net)
  const answerer = await node(t, net, { ephemeral: false, firewalled: false })
  const asked = once(answerer, 'request')
  answerer.on('request', req => req.reply(req.value))

  const to = { host: '127.0.0.1', port: answerer.address().port }
  const value = b4a.alloc(100, 2)
  const message = { target: b4a.alloc(32, 4), command: 1000, value }
  const reply = await asker.request(message, to)
  const req = await asked
  t.alike(reply.value, value)
  checkOwn(t, [req.value, req.target, reply.value, reply.token])
})

test('keys of connections share no memory', async t => {
  const { server, client } = await pair(t, await testnet(t))
  checkOwn(t, [server.remotePublicKey, server.handshakeHash, client.handshakeHash])
})

test('an event that cannot be decoded is an error, and the next ones come', async t => {
  const { code, lines, stderr } = await runProgram('garbled-event')
  const uncaught = ['uncaught: Error', 'uncaught: Malformed', 'uncaught: RangeError']
  t.alike(lines.sort(), ['listening', ...uncaught])
  t.is(code, 0, stderr)
})

test('a value that a program gives away after the call is stored as it was', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net)
  const value = new Uint8Array(100).fill(7)
  const putting = dht.immutablePut(value)
  const target = b4a.alloc(32, 1)
  const asking = dht.query({ target, command: 3, value: new Uint8Array(value) }).finished()
  structuredClone(value.buffer, { transfer: [value.buffer] })
  const { hash } = await putting
  t.alike((await dht.immutableGet(hash)).value, b4a.alloc(100, 7))
  await asking

  t.ok(await rejected(dht.immutablePut(value)), 'its memory is gone')
  t.ok(await rejected(dht.mutablePut(DHT.keyPair(), value)))
  t.exception.all(() => dht.query({ target, command: 3, value }))
})

test('a testnet forgets the nodes that a program made and destroyed', async t => {
  const net = await createTestnet(2, t.teardown)
  const first = [...net.nodes]
  const kept = net.createNode()
  const going = [net.createNode(), net.createNode()]
  await Promise.all(going.map(each => each.fullyBootstrapped()))

  for (const each of net.nodes) if (going.includes(each)) await each.destroy()
  t.ok(
    going.every(each => each.destroyed),
    'a loop over the nodes meets them all'
  )
  const left = [...first, kept]
  t.is(net.nodes.length, left.length)
  t.ok(left.every((each, i) => net.nodes[i] === each))

  await first[1].destroy()
  t.is(net.nodes.length, 3, 'those that it was made with keep their places')
})

test('a destroyed node holds no memory of its events', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const data = once(server, 'data')
  client.write(b4a.alloc(100_000))
  await data
  await Promise.all(dhts.map(dht => dht.destroy()))
  t.is(
    dhts.map(memory).reduce((a, b) => a + b),
    0
  )
})

/** Bytes of all array buffers larger than a key that can be reached from an object. */
function memory(object) {
  const seen = new Set()
  const found = new Set()
  const queue = [object]
  while (queue.length > 0) {
    const each = queue.pop()
    if (each === null || typeof each !== 'object' || seen.has(each)) continue
    seen.add(each)
    if (ArrayBuffer.isView(each)) found.add(each.buffer)
    else if (each instanceof Map || each instanceof Set) queue.push(...each.values())
    else queue.push(...Reflect.ownKeys(each).map(name => each[name])) // symbols, too: internals
  }
  return [...found].reduce((sum, { byteLength }) => sum + (byteLength > KEY ? byteLength : 0), 0)
}

/** The largest buffers that a node is known by: secret keys. */
const KEY = 64

function checkOwn(t, buffers) {
  const unlike = buffers.filter(each => each.buffer.byteLength !== each.byteLength)
  t.alike(
    unlike.map(each => [each.byteLength, each.buffer.byteLength]),
    []
  )
  t.is(new Set(buffers.map(each => each.buffer)).size, buffers.length)
}
