// If a program replaces or overrides a method of a node, the other methods call the new one.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, Plugin, deep } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

const TARGET = b4a.alloc(32, 1)
const VALUE = b4a.from('some value')

test('a replaced query', async t => {
  const { dht, calls } = await replaced(t, 'query')
  const keyPair = DHT.keyPair()
  const used = what => t.alike(calls.splice(0).length, 1, what)

  await dht.lookup(TARGET).finished()
  used('lookup')
  await dht.findPeer(TARGET).finished()
  used('findPeer')
  await dht.announce(TARGET, keyPair, []).finished()
  used('announce')
  t.ok(await isAnnounced(dht, keyPair))
  used('lookup')
  await dht.announce(TARGET, keyPair, [], { clear: true }).finished()
  used('announce, cleared before')
  await dht.unannounce(TARGET, keyPair)
  used('unannounce')
  t.absent(await isAnnounced(dht, keyPair))
  used('lookup')

  const { hash } = await dht.immutablePut(VALUE)
  used('immutablePut')
  t.alike((await dht.immutableGet(hash)).value, VALUE)
  used('immutableGet')
  await dht.mutablePut(keyPair, VALUE, { seq: 1 })
  used('mutablePut')
  const found = await dht.mutableGet(keyPair.publicKey, { refresh: () => true })
  used('mutableGet')
  t.alike([found.seq, found.value], [1, VALUE])

  await dht.session().query({ target: TARGET, command: 3 }).finished()
  used('a session')
  const plugin = new Plugin('name', 1)
  plugin.onregister(dht)
  plugin.query({ target: TARGET, command: 1 }).destroy()
  used('a plugin')
})

test('a replaced request', async t => {
  const { net, dht, calls } = await replaced(t, 'request')
  const keyPair = DHT.keyPair()
  const commands = () => [...new Set(calls.splice(0).map(([{ command }]) => command))]
  const { COMMANDS } = deep('lib/constants')

  await dht.announce(TARGET, keyPair, []).finished()
  t.alike(commands(), [COMMANDS.ANNOUNCE])
  await dht.unannounce(TARGET, keyPair)
  t.alike(commands(), [COMMANDS.UNANNOUNCE])
  await dht.immutablePut(VALUE)
  t.alike(commands(), [COMMANDS.IMMUTABLE_PUT])
  await dht.mutablePut(keyPair, VALUE)
  t.alike(commands(), [COMMANDS.MUTABLE_PUT])
  await dht.query({ target: TARGET, command: COMMANDS.LOOKUP }, { commit: true }).finished()
  t.alike(commands(), [COMMANDS.LOOKUP])

  await dht.session().request({ target: TARGET, command: COMMANDS.LOOKUP }, net.bootstrap[0])
  t.alike(commands(), [COMMANDS.LOOKUP])
})

test('a replaced ping, findNode, lookupAndUnannounce, fullyBootstrapped, bind', async t => {
  const { net, dht, calls } = await replaced(t, 'ping')
  await dht.session().ping(net.bootstrap[0])
  t.is(calls.length, 1)

  for (const [name, call] of [
    ['findNode', () => dht.rttStats()],
    ['lookupAndUnannounce', () => dht.unannounce(TARGET, DHT.keyPair())],
    ['fullyBootstrapped', () => dht.ready()],
    ['bind', () => dht.createServer().listen(DHT.keyPair())]
  ]) {
    const called = replace(dht, name)
    await call()
    t.ok(called.length > 0, name)
  }
})

test('a class that overrides query', async t => {
  const net = await testnet(t)
  const commands = []
  class Node extends DHT {
    query(message, opts) {
      commands.push(message.command)
      return super.query(message, opts)
    }
  }
  const dht = new Node({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  const { hash } = await dht.immutablePut(VALUE)
  t.alike((await dht.immutableGet(hash)).value, VALUE)
  t.alike(commands, [9, 9])
})

// A node with a replaced method, which records its calls and then does what the old one did.
async function replaced(t, name) {
  const net = await testnet(t)
  const dht = await node(t, net)
  return { net, dht, calls: replace(dht, name) }
}

function replace(dht, name) {
  const calls = []
  const own = dht[name]
  dht[name] = function (...args) {
    calls.push(args)
    return own.apply(this, args)
  }
  return calls
}

async function isAnnounced(dht, { publicKey }) {
  let found = false
  for await (const { peers } of dht.lookup(TARGET)) {
    found ||= peers.some(peer => b4a.equals(peer.publicKey, publicKey))
  }
  return found
}
