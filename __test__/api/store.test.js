// A persistent node stores records for other nodes. Single requests put them and get them.

const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('hyperdht-reference/lib/messages')
const Persistent = require('hyperdht-reference/lib/persistent')
const { COMMANDS, ERROR } = require('hyperdht-reference/lib/constants')
const { DHT } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

const TOPIC = b4a.alloc(32, 9)
const INVALID_TOKEN = 2

test('an immutable value', async t => {
  const { ask, token } = await keeper(t)
  const value = b4a.from('hello')
  const target = DHT.hash(value)
  const get = { command: COMMANDS.IMMUTABLE_GET, target }

  const nothing = await ask(get)
  t.is(nothing.value, null)
  stored(t, await ask({ command: COMMANDS.IMMUTABLE_PUT, target, token, value }))

  const found = await ask(get)
  t.alike(found.value, value)
  t.is(found.token.byteLength, 32)
})

test('an empty value is a value', async t => {
  const { ask, token } = await keeper(t)
  const value = b4a.alloc(0)
  const target = DHT.hash(value)
  stored(t, await ask({ command: COMMANDS.IMMUTABLE_PUT, target, token, value }))
  t.alike((await ask({ command: COMMANDS.IMMUTABLE_GET, target })).value, value)

  const put = mutablePut(DHT.keyPair(), 1, value)
  stored(t, await ask({ ...put, token }))
  const got = await ask({ command: COMMANDS.MUTABLE_GET, target: put.target, value: uint(0) })
  t.alike(c.decode(m.mutableGetResponse, got.value).value, value)
})

test('the number of a mutable value only grows', async t => {
  const { ask, token } = await keeper(t)
  const keyPair = DHT.keyPair()
  const put = (seq, text) => ask({ ...mutablePut(keyPair, seq, b4a.from(text)), token })
  const target = DHT.hash(keyPair.publicKey)
  const get = seq => ask({ command: COMMANDS.MUTABLE_GET, target, value: uint(seq) })

  stored(t, await put(5, 'five'))
  stored(t, await put(5, 'five'))
  refused(t, await put(5, 'other'), ERROR.SEQ_REUSED)
  refused(t, await put(4, 'four'), ERROR.SEQ_TOO_LOW)

  const { seq, value, signature } = c.decode(m.mutableGetResponse, (await get(5)).value)
  t.alike([seq, b4a.toString(value)], [5, 'five'])
  t.ok(Persistent.verifyMutable(signature, seq, value, keyPair.publicKey))
  t.is((await get(6)).value, null)
  stored(t, await put(300, 'last'))
  t.is(c.decode(m.mutableGetResponse, (await get(0)).value).seq, 300)
})

test('an announcement, its refreshes and its end', async t => {
  const { ask, token, id } = await keeper(t)
  const keyPair = DHT.keyPair()
  const links = [b4a.alloc(32, 1)]
  for (let i = 0; i < 2; i++) links.unshift(DHT.hash(links[0]))
  const relays = [1, 2, 3, 4].map(n => ({ host: '10.0.0.' + n, port: n }))
  const peers = async () => {
    const { value } = await ask({ command: COMMANDS.LOOKUP, target: TOPIC })
    return value && c.decode(m.lookupRawReply, value)
  }

  const bump = Date.now() - 1000
  const value = announce(COMMANDS.ANNOUNCE, keyPair, token, id, relays, links[0], bump)
  acknowledged(t, await ask({ command: COMMANDS.ANNOUNCE, target: TOPIC, token, value }))
  t.alike(await peers(), {
    peers: [{ publicKey: keyPair.publicKey, relayAddresses: relays.slice(0, 3) }],
    bump
  })

  for (const refresh of links.slice(1)) {
    const value = c.encode(m.announce, { refresh })
    acknowledged(t, await ask({ command: COMMANDS.ANNOUNCE, target: TOPIC, token, value }))
  }

  const end = announce(COMMANDS.UNANNOUNCE, keyPair, token, id, [], null, 0)
  acknowledged(t, await ask({ command: COMMANDS.UNANNOUNCE, target: TOPIC, token, value: end }))
  t.is(await peers(), null)
})

test('a token that is no longer or never was good', async t => {
  const { ask } = await keeper(t)
  const value = b4a.from('hello')
  const token = b4a.alloc(32, 1)
  const put = { command: COMMANDS.IMMUTABLE_PUT, target: DHT.hash(value), token, value }

  const reply = await ask(put)
  t.is(reply.error, INVALID_TOKEN)
  t.ok(reply.closerNodes.length > 0)
  stored(t, await ask({ ...put, token: reply.token }))
})

test('what is met with silence', async t => {
  const { ask, token, id } = await keeper(t)
  const keyPair = DHT.keyPair()
  const value = b4a.from('hello')
  const target = DHT.hash(value)
  const put = mutablePut(keyPair, 1, value)
  const good = announce(COMMANDS.ANNOUNCE, keyPair, token, id, [], null, 0)
  const long = b4a.alloc(3000)
  const { ANNOUNCE, UNANNOUNCE, IMMUTABLE_PUT, IMMUTABLE_GET, MUTABLE_GET } = COMMANDS

  const requests = {
    'immutable put without token': { command: IMMUTABLE_PUT, target, value },
    'immutable put without value': { command: IMMUTABLE_PUT, target, token },
    'immutable put under another hash': { command: IMMUTABLE_PUT, target: TOPIC, token, value },
    'immutable put of too much': {
      command: IMMUTABLE_PUT,
      target: DHT.hash(long),
      token,
      value: long
    },
    'immutable get without target': { command: IMMUTABLE_GET },
    'mutable put without token': put,
    'mutable put under another key': { ...put, target: TOPIC, token },
    'mutable put, damaged': { ...put, token, value: flipped(put.value) },
    'mutable put, cut': { ...put, token, value: put.value.subarray(1) },
    'mutable get without number': { command: MUTABLE_GET, target },
    'mutable get with half a number': { command: MUTABLE_GET, target, value: b4a.from([253]) },
    'announce without token': { command: ANNOUNCE, target: TOPIC, value: good },
    'announce of another topic': { command: ANNOUNCE, target, token, value: good },
    'announce, damaged': { command: ANNOUNCE, target: TOPIC, token, value: flipped(good) },
    'announce with an unknown refresh': {
      command: ANNOUNCE,
      target: TOPIC,
      token,
      value: c.encode(m.announce, { refresh: TOPIC })
    },
    'announce as unannounce': { command: UNANNOUNCE, target: TOPIC, token, value: good },
    'lookup without target': { command: COMMANDS.LOOKUP },
    'findPeer without target': { command: COMMANDS.FIND_PEER }
  }

  const silent = Object.entries(requests).map(async ([name, request]) => {
    const outcome = await ask(request).then(
      reply => 'answered with ' + reply.error,
      err => err.code
    )
    t.is(outcome, 'REQUEST_TIMEOUT', name)
  })
  await Promise.all(silent)
})

/** A persistent node, how to ask it, and a token that it gave. */
async function keeper(t) {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const { port } = net.nodes[1].address()
  const to = { host: '127.0.0.1', port }
  const ask = ({ command, target = null, token = null, value = null }) =>
    dht.request({ command, target, token, value }, to, { retry: false })

  const { from, token } = await ask({ command: COMMANDS.LOOKUP, target: TOPIC })
  return { ask, token, id: from.id }
}

function stored(t, { error, token, closerNodes, value }) {
  t.is(error, 0)
  t.is(token.byteLength, 32)
  t.ok(closerNodes.length > 0)
  t.is(value, null)
}

function acknowledged(t, { error, token, closerNodes, value }) {
  t.alike([error, token, closerNodes, value], [0, null, null, null])
}

function refused(t, { error, token, closerNodes, value }, expected) {
  t.is(error, expected)
  t.ok(closerNodes.length > 0)
  t.alike([token, value], [null, null])
}

function mutablePut(keyPair, seq, value) {
  const { publicKey } = keyPair
  const signature = Persistent.signMutable(seq, value, keyPair)
  return {
    command: COMMANDS.MUTABLE_PUT,
    target: DHT.hash(publicKey),
    value: c.encode(m.mutablePutRequest, { publicKey, seq, value, signature })
  }
}

function announce(command, keyPair, token, id, relayAddresses, refresh, bump) {
  const sign = command === COMMANDS.ANNOUNCE ? Persistent.signAnnounce : Persistent.signUnannounce
  const peer = { publicKey: keyPair.publicKey, relayAddresses }
  const message = { peer, refresh, signature: null, bump }
  message.signature = sign(TOPIC, token, id, message, keyPair)
  return c.encode(m.announce, message)
}

function uint(number) {
  return c.encode(c.uint, number)
}

/** The same bytes, but for the last bit. */
function flipped(bytes) {
  const copy = b4a.from(bytes)
  copy[copy.byteLength - 1] ^= 1
  return copy
}
