const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, thrown } = require('../helpers/fixtures')

const TOPIC = b4a.alloc(32, 9)

test('announce, lookup, unannounce', async t => {
  const net = await testnet(t, 6)
  const dht = await node(t, net)
  const other = await node(t, net)
  const keyPair = DHT.keyPair()

  const announcing = dht.announce(TOPIC, keyPair, [])
  await announcing.finished()
  t.ok(announcing.closestNodes.length > 0)
  const [first] = announcing.closestNodes
  t.alike(Object.keys(first).sort(), ['host', 'id', 'port'])
  t.is(first.id.byteLength, 32)
  t.is(first.id.buffer.byteLength, 32)

  let replies = 0
  for await (const data of other.lookup(TOPIC)) {
    replies++
    t.alike(Object.keys(data).sort(), ['bump', 'from', 'peers', 'to', 'token'])
    t.alike(data.peers, [{ publicKey: keyPair.publicKey, relayAddresses: [] }])
    t.ok(b4a.isBuffer(data.peers[0].publicKey))
    t.is(data.from.host, '127.0.0.1')
    t.is(data.from.id.byteLength, 32)
    t.is(data.token.byteLength, 32)
  }
  t.ok(replies > 0)

  await dht.unannounce(TOPIC, keyPair)
  t.is(await count(other.lookup(TOPIC)), 0)
})

test('announced relay addresses, at most three', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const keyPair = DHT.keyPair()
  const relays = [1, 2, 3, 4].map(n => ({ host: '10.0.0.' + n, port: 1000 + n }))
  await dht.announce(TOPIC, keyPair, relays).finished()

  for await (const { peers } of dht.lookup(TOPIC)) {
    t.alike(peers[0].relayAddresses, relays.slice(0, 3))
  }
})

test('several peers under one topic', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const keyPairs = [DHT.keyPair(), DHT.keyPair(), DHT.keyPair()]
  for (const keyPair of keyPairs) await dht.announce(TOPIC, keyPair, []).finished()

  const found = new Set()
  for await (const { peers } of dht.lookup(TOPIC)) {
    for (const peer of peers) found.add(b4a.toString(peer.publicKey, 'hex'))
  }
  t.alike([...found].sort(), keyPairs.map(k => b4a.toString(k.publicKey, 'hex')).sort())
})

test('findPeer and lookup find a listening server at once', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const other = await node(t, net)
  const server = dht.createServer()
  await server.listen()

  let found = 0
  for await (const data of other.findPeer(server.publicKey)) {
    found++
    t.alike(Object.keys(data).sort(), ['from', 'peer', 'to', 'token'])
    t.alike(data.peer.publicKey, server.publicKey)
    t.ok(Array.isArray(data.peer.relayAddresses))
  }
  t.ok(found > 0, 'findPeer')

  const hashed = other.findPeer(server.target, { hash: false })
  t.ok((await count(hashed)) > 0, 'findPeer by target')
  t.ok((await count(other.lookup(server.target))) > 0, 'lookup of the target')

  await server.close()
  t.is(await count(other.findPeer(dht.defaultKeyPair.publicKey)), 0, 'gone after close')
})

test('what nobody announced is not found', async t => {
  const dht = await node(t, await testnet(t, 4))
  t.is(await count(dht.lookup(TOPIC)), 0)
  t.is(await count(dht.findPeer(DHT.keyPair().publicKey)), 0)
})

test('a query stream', async t => {
  const net = await testnet(t, 6)
  const dht = await node(t, net)
  await dht.announce(TOPIC, DHT.keyPair(), []).finished()

  const query = dht.lookup(TOPIC)
  const events = []
  for (const name of ['data', 'end', 'close', 'error']) {
    query.on(name, () => events.at(-1) === name || events.push(name))
  }
  await query.finished()
  t.alike(events, ['data', 'end', 'close'])
  t.ok(query.closestNodes.length <= 20 && query.closestNodes.length > 0)
  t.ok(query.closestReplies.every(reply => reply.from && reply.token))
  t.alike(query.target, TOPIC)
  t.is(typeof query.errors, 'number')
  t.ok(query.successes > 0)

  const again = dht.lookup(TOPIC, { nodes: query.closestNodes })
  t.ok((await count(again)) > 0)
})

test('breaking out of the iteration destroys the query', async t => {
  const net = await testnet(t, 6)
  const dht = await node(t, net)
  await dht.announce(TOPIC, DHT.keyPair(), []).finished()
  const query = dht.lookup(TOPIC)
  for await (const _ of query) break
  t.ok(query.destroying || query.destroyed)
})

test('destroy of a query resolves finished', async t => {
  const dht = await node(t, await testnet(t, 4))
  const query = dht.lookup(TOPIC)
  const finished = query.finished()
  query.destroy()
  await finished
  t.pass()
})

test('announce with nobody to store fails', async t => {
  const dht = await node(t, { bootstrap: [] })
  let error = null
  try {
    await dht.announce(TOPIC, DHT.keyPair(), []).finished()
  } catch (err) {
    error = err
  }
  t.is(error?.message, 'Too few nodes responded')
})

test('queries after destroy throw synchronously', async t => {
  const dht = await node(t, await testnet(t, 1))
  await dht.destroy()
  const keyPair = DHT.keyPair()
  const calls = {
    lookup: () => dht.lookup(TOPIC),
    announce: () => dht.announce(TOPIC, keyPair, []),
    findPeer: () => dht.findPeer(TOPIC)
  }
  for (const [name, call] of Object.entries(calls)) {
    t.is(thrown(call)?.message, 'Node destroyed', name)
  }
})

async function count(query) {
  let n = 0
  for await (const _ of query) n++
  return n
}
