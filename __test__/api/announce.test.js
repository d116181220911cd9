const test = require('brittle')
const b4a = require('b4a')
const sodium = require('sodium-universal')
const { DHT, deep } = require('../helpers/implementation')
const { node, rejected, testnet, thrown } = require('../helpers/fixtures')

const persistent = deep('lib/persistent')

const TOPIC = b4a.alloc(32, 4)

test('announce: its data are those of a lookup', async t => {
  const net = await testnet(t, 5)
  const dht = await node(t, net)
  const [first, second] = [DHT.keyPair(), DHT.keyPair()]

  const announcing = dht.announce(TOPIC, first, null)
  t.alike(await read(announcing), [])
  t.is(announcing.closestNodes.length, 4)

  const data = await read(dht.announce(TOPIC, second, []))
  t.is(data.length, 4)
  for (const found of data) {
    t.alike(Object.keys(found), ['token', 'from', 'to', 'peers', 'bump'])
    t.alike(keys(found), [first.publicKey], 'of the time before')
  }
  for (const found of await read(dht.lookup(TOPIC))) t.is(found.peers.length, 2)
})

test('bump', async t => {
  const dht = await node(t, await testnet(t, 4))
  const keyPair = DHT.keyPair()
  const now = Date.now()
  const bumpAfter = async bump => {
    await dht.announce(TOPIC, keyPair, [], { bump }).finished()
    return (await read(dht.lookup(TOPIC))).map(found => found.bump)
  }

  t.alike(await bumpAfter(undefined), [0, 0, 0])
  t.alike(await bumpAfter(now), [now, now, now])
  t.alike(await bumpAfter(now - 1000), [now, now, now], 'never back')
  t.alike(await bumpAfter(now + 1000), [now + 1000, now + 1000, now + 1000])
  const future = now + 3600 * 1000
  t.alike(await bumpAfter(future), [now + 1000, now + 1000, now + 1000], 'never far ahead')
})

test('clear: the old record goes and the new one comes', async t => {
  const net = await testnet(t, 5)
  const dht = await node(t, net)
  const [mine, other] = [DHT.keyPair(), DHT.keyPair()]
  const relays = [{ host: '10.0.0.1', port: 1001 }]
  await dht.announce(TOPIC, other, []).finished()
  await dht.announce(TOPIC, mine, []).finished()

  const cleared = dht.announce(TOPIC, mine, relays, { clear: true })
  const data = await read(cleared)
  t.is(data.length, 4, 'one walk, one set of replies')
  for (const found of data) t.is(found.peers.length, 2, 'of the time before')
  t.is(cleared.closestNodes.length, 4)

  for (const { peers } of await read(dht.lookup(TOPIC))) {
    t.is(peers.length, 2)
    const record = peers.find(({ publicKey }) => b4a.equals(publicKey, mine.publicKey))
    t.alike(record.relayAddresses, relays)
  }
})

test('clear with nobody to store', async t => {
  const dht = await node(t, { bootstrap: [] })
  const announcing = dht.announce(TOPIC, DHT.keyPair(), [], { clear: true })
  t.is((await rejected(announcing.finished())).message, 'Too few nodes responded')
  const unannouncing = dht.unannounce(TOPIC, DHT.keyPair())
  t.is((await rejected(unannouncing)).message, 'Too few nodes responded')
})

test('signAnnounce and signUnannounce, for a key pair without a secret key', async t => {
  const dht = await node(t, await testnet(t, 4))

  for (const isAsync of [false, true]) {
    const { keyPair, signers, calls } = signing(isAsync)
    const announcing = dht.announce(TOPIC, keyPair, RELAYS, { ...signers, bump: 5 })
    await announcing.finished()
    t.is(await found(dht), 3, 'announced')
    t.alike(
      calls.map(([, , , id]) => id),
      announcing.closestNodes.map(({ id }) => id)
    )
    for (const [name, target, token, , announce, given] of calls.splice(0)) {
      t.is(name, 'signAnnounce')
      t.alike([target, token.byteLength], [TOPIC, 32])
      t.alike(announce.peer, { publicKey: keyPair.publicKey, relayAddresses: RELAYS })
      t.alike([announce.refresh, announce.bump], [null, 5])
      t.is(given, keyPair)
    }

    await dht.announce(TOPIC, keyPair, [], { ...signers, clear: true }).finished()
    t.is(await found(dht), 3, 'announced again')
    t.alike(
      calls
        .splice(0)
        .map(([name]) => name)
        .sort(),
      NAMES,
      'clear asks both'
    )

    await dht.unannounce(TOPIC, keyPair, signers)
    t.is(await found(dht), 0, 'unannounced')
    t.is(calls.length, 3)
    for (const [name, target, token, id, announce, given] of calls) {
      t.is(name, 'signUnannounce')
      t.alike([target, token.byteLength, id.byteLength], [TOPIC, 32, 32])
      t.alike(announce.peer, { publicKey: keyPair.publicKey, relayAddresses: [] })
      t.is(given, keyPair)
    }
  }
})

test('a key pair that signs itself', async t => {
  const dht = await node(t, await testnet(t, 4))
  const secret = DHT.keyPair()
  const sign = signable => {
    const signature = b4a.alloc(64)
    sodium.crypto_sign_detached(signature, signable, secret.secretKey)
    return signature
  }
  const keyPair = { publicKey: secret.publicKey, sign }

  await dht.announce(TOPIC, keyPair, []).finished()
  t.is(await found(dht), 3)
  await dht.announce(TOPIC, keyPair, [], { clear: true }).finished()
  t.is(await found(dht), 3)
  await dht.unannounce(TOPIC, keyPair)
  t.is(await found(dht), 0)
})

test('a signer that throws', async t => {
  const dht = await node(t, await testnet(t, 4))
  const keyPair = DHT.keyPair()
  const locked = () => {
    throw new Error('locked')
  }
  for (const sign of [locked, async () => locked()]) {
    const announcing = dht.announce(TOPIC, keyPair, [], { signAnnounce: sign })
    t.is((await rejected(announcing.finished())).message, 'locked')
    t.is(await found(dht), 0)

    await dht.announce(TOPIC, keyPair, []).finished()
    await dht.unannounce(TOPIC, keyPair, { signUnannounce: sign })
    t.is(await found(dht), 3, 'unannounce tells nobody')
    await dht.unannounce(TOPIC, keyPair)
  }
})

test('a wrong signature stores nothing and removes nothing', async t => {
  const dht = await node(t, await testnet(t, 3))
  const keyPair = DHT.keyPair()
  const wrong = () => b4a.alloc(64, 1)

  const announcing = dht.announce(TOPIC, keyPair, [], { signAnnounce: wrong })
  t.is((await rejected(announcing.finished())).code, 'REQUEST_TIMEOUT')
  t.is(await found(dht), 0)

  await dht.announce(TOPIC, keyPair, []).finished()
  await dht.unannounce(TOPIC, keyPair, { signUnannounce: wrong })
  t.is(await found(dht), 2)
})

test('lookupAndUnannounce: its data, and a commit that follows', async t => {
  const dht = await node(t, await testnet(t, 4))
  const { keyPair, signers } = signing(true)
  const own = DHT.keyPair()

  for (const [pair, options] of [
    [own, {}],
    [keyPair, signers]
  ]) {
    await dht.announce(TOPIC, pair, [], options).finished()
    const left = []
    const commit = async reply => {
      left.push(await found(dht, { nodes: [reply.from], onlyClosestNodes: true }))
    }
    const data = await read(dht.lookupAndUnannounce(TOPIC, pair, { ...options, commit }))
    t.alike(data.map(keys), [[pair.publicKey], [pair.publicKey], [pair.publicKey]])
    t.alike(left, [0, 0, 0], 'nothing is there any more')
  }
})

test('unannounce at the given nodes only', async t => {
  const dht = await node(t, await testnet(t, 5))
  const keyPair = DHT.keyPair()
  const announcing = dht.announce(TOPIC, keyPair, [])
  await announcing.finished()
  const closestNodes = announcing.closestNodes.slice(0, 3)

  await dht.unannounce(TOPIC, keyPair, { closestNodes, onlyClosestNodes: true, force: true })
  t.is(await found(dht), 1)
})

test('a persistent node forgets its own copy', async t => {
  const net = await testnet(t, 4)
  const [, one, two] = net.nodes
  for (const options of [{}, signing(false)]) {
    const keyPair = options.keyPair || DHT.keyPair()
    await two.announce(TOPIC, keyPair, [], options.signers).finished()
    t.is(await found(two), 2, 'the others')
    await one.unannounce(TOPIC, keyPair, options.signers)
    t.is(await found(two), 0)
  }
})

test('unannounce throws synchronously after destroy', async t => {
  const dht = await node(t, await testnet(t, 1))
  await dht.destroy()
  const { keyPair, signers } = signing(false)
  const calls = {
    unannounce: () => dht.unannounce(TOPIC, DHT.keyPair()),
    lookupAndUnannounce: () => dht.lookupAndUnannounce(TOPIC, DHT.keyPair()),
    'announce, clear': () => dht.announce(TOPIC, DHT.keyPair(), [], { clear: true }),
    'announce, signed': () => dht.announce(TOPIC, keyPair, [], signers),
    'unannounce, signed': () => dht.unannounce(TOPIC, keyPair, signers),
    findNode: () => dht.findNode(TOPIC),
    query: () => dht.query({ target: TOPIC, command: 3, value: null })
  }
  for (const [name, call] of Object.entries(calls)) {
    t.is(thrown(call)?.message, 'Node destroyed', name)
  }
})

const RELAYS = [{ host: '10.0.0.1', port: 1001 }]

const NAMES = [...Array(3).fill('signAnnounce'), ...Array(3).fill('signUnannounce')]

// A key pair without its secret key, the options that sign for it, and their calls.
function signing(isAsync) {
  const secret = DHT.keyPair()
  const keyPair = { publicKey: secret.publicKey }
  const calls = []
  const signers = {}
  for (const name of ['signAnnounce', 'signUnannounce']) {
    const sign = (target, token, id, announce, given) => {
      calls.push([name, target, token, id, announce, given])
      return persistent[name](target, token, id, announce, secret)
    }
    signers[name] = isAsync ? async (...args) => sign(...args) : sign
  }
  return { keyPair, signers, calls }
}

// The number of nodes that return a record.
async function found(dht, options) {
  return (await read(dht.lookup(TOPIC, options))).length
}

async function read(query) {
  const all = []
  for await (const data of query) all.push(data)
  return all
}

function keys({ peers }) {
  return peers.map(({ publicKey }) => publicKey)
}
