const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const { DHT, deep } = require('../helpers/implementation')
const { node, testnet, rejected } = require('../helpers/fixtures')
const { addressOf, responder } = require('../helpers/responder')

const m = deep('lib/messages')
const { signMutable, verifyMutable } = deep('lib/persistent')

const VALUE = b4a.from('a value')

test('an immutable record', async t => {
  const net = await testnet(t, 6)
  const [writer, reader] = [await node(t, net), await node(t, net)]

  const put = await writer.immutablePut(VALUE)
  t.alike(Object.keys(put), ['hash', 'closestNodes'])
  t.alike(put.hash, DHT.hash(VALUE))
  nodesAreClose(t, put.closestNodes, put.hash)

  const got = await reader.immutableGet(put.hash)
  t.alike(Object.keys(got), ['token', 'from', 'to', 'value'])
  t.alike(got.value, VALUE)
  t.ok(b4a.isBuffer(got.value))
  t.is(got.token.byteLength, 32)
  t.alike(Object.keys(got.from), ['id', 'host', 'port'])
  t.is(got.to.host, '127.0.0.1')
})

test('a mutable record', async t => {
  const net = await testnet(t, 6)
  const [writer, reader] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()

  const put = await writer.mutablePut(keyPair, VALUE)
  t.alike(Object.keys(put), ['publicKey', 'closestNodes', 'seq', 'signature'])
  t.is(put.publicKey, keyPair.publicKey)
  t.is(put.seq, 0)
  t.is(put.signature.byteLength, 64)
  t.ok(verifyMutable(put.signature, 0, VALUE, keyPair.publicKey))
  nodesAreClose(t, put.closestNodes, DHT.hash(keyPair.publicKey))

  const got = await reader.mutableGet(keyPair.publicKey)
  t.alike(Object.keys(got), ['token', 'from', 'to', 'seq', 'value', 'signature'])
  t.is(got.seq, 0)
  t.alike(got.value, VALUE)
  t.alike(got.signature, put.signature)
  t.ok(b4a.isBuffer(got.value) && b4a.isBuffer(got.signature))
})

test('what nobody has stored is null', async t => {
  const dht = await node(t, await testnet(t, 4))
  t.is(await dht.immutableGet(b4a.alloc(32, 1)), null)
  t.is(await dht.mutableGet(DHT.keyPair().publicKey), null)
})

test('nobody to store is an error', async t => {
  const dht = await node(t, { bootstrap: [] })
  for (const put of [dht.immutablePut(VALUE), dht.mutablePut(DHT.keyPair(), VALUE)]) {
    t.is((await rejected(put)).message, 'Too few nodes responded')
  }
  t.is(await dht.immutableGet(b4a.alloc(32, 1)), null)
})

test('values of every size that fits into a datagram', async t => {
  const net = await testnet(t, 3)
  const [writer, reader] = [await node(t, net), await node(t, net)]

  for (const size of [0, 1, 252, 253, 1000]) {
    const value = b4a.alloc(size, 7)
    const { hash } = await writer.immutablePut(value)
    t.alike((await reader.immutableGet(hash)).value, value, `immutable, ${size} bytes`)
  }
  for (const size of [1, 252, 253, 900]) {
    const value = b4a.alloc(size, 7)
    const { publicKey } = await writer.mutablePut(DHT.keyPair(), value)
    t.alike((await reader.mutableGet(publicKey)).value, value, `mutable, ${size} bytes`)
  }
})

test('seq: the higher wins, and a put never says so', async t => {
  const net = await testnet(t, 4)
  const [writer, reader] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()
  const put = (text, seq) => writer.mutablePut(keyPair, b4a.from(text), { seq })
  const get = async opts => text(await reader.mutableGet(keyPair.publicKey, opts))

  t.is((await put('two', 2)).seq, 2)
  t.is(await get(), 'two')
  t.is(await get({ seq: 2 }), 'two')
  t.is(await get({ seq: 3 }), null, 'nothing that new')

  t.is((await put('one', 1)).seq, 1, 'resolves for a seq that is too low')
  t.is((await put('other', 2)).seq, 2, 'resolves for a seq that is used')
  t.is(await get(), 'two')

  t.is((await put('big', 2 ** 40)).seq, 2 ** 40)
  t.is(await get(), 'big')
})

test('latest', async t => {
  const net = await testnet(t, 5)
  const [writer, reader] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()
  const { closestNodes } = await writer.mutablePut(keyPair, b4a.from('old'), { seq: 1 })
  const only = at => ({ nodes: [closestNodes[at]], onlyClosestNodes: true })
  await writer.mutablePut(keyPair, b4a.from('new'), { seq: 2, ...only(2) })
  const get = async opts => text(await reader.mutableGet(keyPair.publicKey, opts))

  t.is(await get(), 'new', 'by default')
  t.is(await get({ latest: true }), 'new')
  t.is(await get({ latest: false, ...only(0) }), 'old')
  t.is(await get({ latest: false, ...only(2) }), 'new')
  t.ok(['old', 'new'].includes(await get({ latest: false })), 'the first')
})

// The reference calls `refresh` only if it has read the record before the last node answers. So the
// query asks one node after another, and the first one has the record.
test('refresh stores what was found at the closest nodes', async t => {
  const net = await testnet(t, 5)
  const [writer, reader] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()
  const { closestNodes: nodes } = await writer.mutablePut(DHT.keyPair(), VALUE)
  const all = { nodes, onlyClosestNodes: true, concurrency: 1 }
  const only = at => ({ nodes: [nodes[at]], onlyClosestNodes: true })
  await writer.mutablePut(keyPair, VALUE, { seq: 4, ...only(0) })
  const get = opts => reader.mutableGet(keyPair.publicKey, opts)

  const asked = []
  const refused = await get({ ...all, refresh: found => asked.push(found) && false })
  t.is(refused.seq, 4)
  t.is(asked.length, 1, 'asked once')
  t.is(asked[0], refused)
  t.is(await get(only(1)), null, 'it said no')

  t.is((await get({ ...all, refresh: () => true })).seq, 4)
  t.is((await get(only(1)))?.seq, 4)
  t.is((await get(only(2)))?.seq, 4)
})

test('signMutable, for a key pair without a secret key', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net)
  const secret = DHT.keyPair()
  const keyPair = { publicKey: secret.publicKey }
  const calls = []
  const sync = (...args) => {
    calls.push(args)
    return signMutable(args[0], args[1], secret)
  }
  const later = async (...args) => sync(...args)

  await dht.mutablePut(keyPair, VALUE, { seq: 1, signMutable: sync })
  t.is((await dht.mutableGet(keyPair.publicKey)).seq, 1)
  await dht.mutablePut(keyPair, VALUE, { seq: 2, signMutable: later })
  t.is((await dht.mutableGet(keyPair.publicKey)).seq, 2)

  t.alike(
    calls,
    [1, 2].map(seq => [seq, VALUE, keyPair])
  )
  t.is(calls[0][2], keyPair)

  const failing = dht.mutablePut(keyPair, VALUE, {
    signMutable() {
      throw new Error('locked')
    }
  })
  t.is((await rejected(failing)).message, 'locked')
})

test('a key pair that signs itself', async t => {
  const dht = await node(t, await testnet(t, 3))
  const secret = DHT.keyPair()
  const signables = []
  const sign = signable => {
    signables.push(signable)
    return signMutable(1, VALUE, secret)
  }
  await dht.mutablePut({ publicKey: secret.publicKey, sign }, VALUE, { seq: 1 })
  t.alike(
    signables.map(signable => signable.byteLength),
    [64]
  )
  t.is((await dht.mutableGet(secret.publicKey)).seq, 1)
})

test('a wrong signature is not stored', async t => {
  const dht = await node(t, await testnet(t, 3))
  const keyPair = DHT.keyPair()
  const put = dht.mutablePut(keyPair, VALUE, { signMutable: () => b4a.alloc(64, 1) })
  t.is((await rejected(put)).code, 'REQUEST_TIMEOUT')
  t.is(await dht.mutableGet(keyPair.publicKey), null)
})

test('what a node makes up is not believed', async t => {
  const net = await testnet(t, 2)
  const keyPair = DHT.keyPair()
  const lies = {
    [IMMUTABLE_GET]: () => b4a.from('a lie'),
    [MUTABLE_GET]: () => {
      const signature = signMutable(9, VALUE, DHT.keyPair())
      return c.encode(m.mutableGetResponse, { seq: 9, value: VALUE, signature })
    }
  }
  const garbage = await responder(
    t,
    net,
    answer(() => b4a.from([1, 2, 3]))
  )
  const liar = await responder(
    t,
    net,
    answer(req => lies[req.command]())
  )
  const dht = await node(t, net)

  for (const at of [liar, garbage]) {
    const nodes = [addressOf(at)]
    t.is(await dht.immutableGet(DHT.hash(VALUE), { nodes }), null)
    t.is(await dht.mutableGet(keyPair.publicKey, { nodes }), null)
  }
  await dht.mutablePut(keyPair, VALUE, { seq: 1 })
  t.is((await dht.mutableGet(keyPair.publicKey)).seq, 1, 'the true one is found beside them')
  t.ok(liar.requests.length >= 2 && garbage.requests.length >= 2)
})

test('after destroy', async t => {
  const dht = await node(t, await testnet(t, 1))
  await dht.destroy()
  const keyPair = DHT.keyPair()
  const calls = {
    immutablePut: dht.immutablePut(VALUE),
    immutableGet: dht.immutableGet(b4a.alloc(32)),
    mutablePut: dht.mutablePut(keyPair, VALUE),
    mutableGet: dht.mutableGet(keyPair.publicKey)
  }
  for (const [name, call] of Object.entries(calls)) {
    t.is((await rejected(call)).message, 'Node destroyed', name)
  }
})

const MUTABLE_GET = 7
const IMMUTABLE_GET = 9

function answer(value) {
  return req => {
    if (req.command !== MUTABLE_GET && req.command !== IMMUTABLE_GET) return false
    req.reply(value(req))
  }
}

function nodesAreClose(t, nodes, target) {
  t.ok(nodes.length > 0 && nodes.length <= 20)
  for (const node of nodes) {
    t.alike(Object.keys(node), ['id', 'host', 'port'])
    t.is(node.id.buffer.byteLength, 32)
  }
  const distances = nodes.map(({ id }) =>
    b4a.toString(
      id.map((byte, i) => byte ^ target[i]),
      'hex'
    )
  )
  t.alike(distances, [...distances].sort(), 'the closest first')
}

function text(found) {
  return found && b4a.toString(found.value)
}
