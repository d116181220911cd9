const test = require('brittle')
const b4a = require('b4a')
const { DHT, deep } = require('../helpers/implementation')
const { node, once, rejected, testnet } = require('../helpers/fixtures')

const persistent = deep('lib/persistent')

test('a server whose announcements are signed elsewhere', async t => {
  const net = await testnet(t, 5)
  const dht = await node(t, net)

  for (const isAsync of [false, true]) {
    const secret = DHT.keyPair()
    const keyPair = { publicKey: secret.publicKey }
    const calls = []
    const server = dht.createServer()
    await server.listen(keyPair, signers(secret, calls, isAsync))
    t.alike(server.publicKey, keyPair.publicKey)
    t.alike(server.target, DHT.hash(keyPair.publicKey))
    t.is(await found(dht, keyPair), 3, 'announced')

    t.is(calls.length, 3)
    for (const [name, target, token, id, announce, given] of calls.splice(0)) {
      t.is(name, 'signAnnounce')
      t.alike([target, token.byteLength, id.byteLength], [server.target, 32, 32])
      t.alike(announce.peer, { publicKey: keyPair.publicKey, relayAddresses: [] })
      t.is(announce.refresh, null)
      t.is(given, keyPair)
    }

    await server.close()
    t.is(await found(dht, keyPair), 0, 'unannounced')
    t.alike([...new Set(calls.map(([name]) => name))], ['signUnannounce'])
    t.ok(calls.length >= 3)
  }
})

test('it accepts connections if the secret key is there', async t => {
  const net = await testnet(t, 4)
  const [dht, client] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()
  const server = dht.createServer()
  await server.listen(keyPair, signers(keyPair, [], true))

  const connection = once(server, 'connection')
  const stream = client.connect(server.publicKey)
  stream.on('error', noop)
  const accepted = await connection
  accepted.on('error', noop)
  t.ok(await stream.opened)
  t.alike(accepted.remotePublicKey, client.defaultKeyPair.publicKey)
  stream.destroy()
})

test('signers that fail: nothing is announced', async t => {
  const dht = await node(t, await testnet(t, 4))
  const keyPair = DHT.keyPair()
  const locked = async () => {
    throw new Error('locked')
  }
  const server = dht.createServer()
  await server.listen(keyPair, { signAnnounce: locked, signUnannounce: locked })
  t.is(await found(dht, keyPair), 0)
  await server.close()
})

test('another key pair, with the same key, is the same', async t => {
  const dht = await node(t, await testnet(t, 3))
  const secret = DHT.keyPair()
  const first = dht.createServer()
  await first.listen(secret)
  const second = dht.createServer()
  const listening = second.listen({ publicKey: secret.publicKey }, signers(secret, [], false))
  t.is((await rejected(listening)).code, 'KEYPAIR_ALREADY_USED')
  await first.close()
})

function signers(secret, calls, isAsync) {
  const made = {}
  for (const name of ['signAnnounce', 'signUnannounce']) {
    const sign = (target, token, id, announce, given) => {
      calls.push([name, target, token, id, { ...announce }, given])
      return persistent[name](target, token, id, announce, secret)
    }
    made[name] = isAsync ? async (...args) => sign(...args) : sign
  }
  return made
}

// Nodes that know the server.
async function found(dht, { publicKey }) {
  let n = 0
  for await (const { peer } of dht.findPeer(publicKey)) {
    if (b4a.equals(peer.publicKey, publicKey)) n++
  }
  return n
}

function noop() {}
