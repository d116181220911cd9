// Bytes of another realm (a `vm` context, Jest, a frame) are bytes.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, deep } = require('../helpers/implementation')
const { node, testnet, once } = require('../helpers/fixtures')
const { REALMS } = require('../helpers/realms')

const SEED = b4a.alloc(32, 5)
const VALUE = b4a.from('some value')
const TARGET = DHT.hash(VALUE)

for (const [name, foreign] of Object.entries(REALMS)) {
  test(`${name}: statics and options`, async t => {
    t.not(foreign(SEED) instanceof Uint8Array, true)
    const { publicKey, secretKey } = DHT.keyPair(SEED)
    t.alike(DHT.keyPair(foreign(SEED)).publicKey, publicKey)
    t.alike(DHT.hash(foreign(VALUE)), TARGET)

    const keyPair = { publicKey: foreign(publicKey), secretKey: foreign(secretKey) }
    for (const opts of [{ seed: foreign(SEED) }, { keyPair }]) {
      const dht = new DHT({ bootstrap: [], ...opts })
      t.alike(b4a.from(dht.defaultKeyPair.publicKey), publicKey)
      await dht.destroy()
    }
  })

  test(`${name}: key pairs of a connection, and what it sends`, async t => {
    const net = await testnet(t)
    const [keys, others] = [DHT.keyPair(), DHT.keyPair()]
    const server = (await node(t, net)).createServer()
    await server.listen(foreignKeys(foreign, keys))
    const connection = once(server, 'connection')
    const client = (await node(t, net)).connect(keys.publicKey, {
      keyPair: foreignKeys(foreign, others)
    })
    client.on('error', noop)
    const accepted = (await connection).on('error', noop)
    await client.opened
    t.alike(accepted.remotePublicKey, others.publicKey)

    const [data, message] = [once(accepted, 'data'), once(accepted, 'message')]
    client.write(foreign(VALUE))
    t.alike(await data, VALUE)
    await client.send(foreign(VALUE))
    t.alike(await message, VALUE)
    client.trySend(foreign(VALUE))
    t.alike(await once(accepted, 'message'), VALUE)
  })

  test(`${name}: targets and records`, async t => {
    const net = await testnet(t)
    const dht = await node(t, net)
    const keyPair = DHT.keyPair()
    const target = foreign(TARGET)

    await dht.announce(target, foreignKeys(foreign, keyPair), []).finished()
    const found = []
    for await (const { peers } of dht.lookup(target)) found.push(...peers)
    t.alike(found[0].publicKey, keyPair.publicKey)
    await dht.unannounce(target, foreignKeys(foreign, keyPair))
    await dht.findPeer(foreign(keyPair.publicKey)).finished()
    await dht.findNode(target).finished()
    await dht.query({ target, command: 3 }).finished()

    const { hash } = await dht.immutablePut(foreign(VALUE))
    t.alike((await dht.immutableGet(foreign(hash))).value, VALUE)
    const signMutable = (...args) => foreign(deep('lib/persistent').signMutable(...args))
    await dht.mutablePut(foreignKeys(foreign, keyPair), foreign(VALUE), { signMutable })
    t.alike((await dht.mutableGet(foreign(keyPair.publicKey))).value, VALUE)
  })

  test(`${name}: requests and answers`, async t => {
    const net = await testnet(t)
    const [dht, other] = [await node(t, net), await node(t, net)]
    other.onrequest = req => {
      req.reply(foreign(req.value))
      return true
    }
    const to = { host: '127.0.0.1', port: other.address().port }
    const { value } = await dht.request({ command: 99, value: foreign(VALUE) }, to)
    t.alike(value, VALUE)
    dht.onmessage(dht.socket, foreign(b4a.from([0x13, 0])), { ...to, family: 4 })
  })
}

function foreignKeys(foreign, { publicKey, secretKey }) {
  return { publicKey: foreign(publicKey), secretKey: foreign(secretKey) }
}

function noop() {}
