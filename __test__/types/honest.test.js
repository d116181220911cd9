// The declarations name everything that an object has, and nothing else. Each type is compared with
// an object that programs get.

const test = require('brittle')
const path = require('path')
const ts = require('typescript-5.9')
const DHT = require('../..')
const createTestnet = require('../../testnet')
const Plugin = require('../../lib/plugin')
const { once } = require('../helpers/fixtures')

const ROOT = path.join(__dirname, '..', '..')
const HOST = '127.0.0.1'

/**
 * Methods that Node's types require and streamx lacks. The declarations mark them as deprecated.
 */
const NOT_IN_STREAMX = ['isPaused', 'unpipe', 'wrap']

/** Objects that this version lacks, numbers for tests, what other parts of the package call. */
const UNDECLARED = {
  Server: ['inspect'],
  NoiseSecretStream: ['relay', 'puncher'],
  RawStream: ['keepAlivesSent', 'keepAlivesReceived'],
  IO: ['congestion'],
  Plugin: ['dht', 'request', 'query']
}

const declared = declarations()

test('every name that is declared is there', { timeout: 120_000 }, async t => {
  const { classes, plain } = await objects(t)
  for (const [name, object] of Object.entries({ ...classes, ...plain })) {
    const missing = declared(name).filter(property => !(property in object))
    const allowed = declared(name).includes('isPaused') ? NOT_IN_STREAMX : []
    t.alike(missing, allowed, name)
  }
  t.alike(
    declared('typeof HyperDHT').filter(name => !(name in DHT)),
    []
  )
})

test('what is not declared is not for programs', { timeout: 120_000 }, async t => {
  const { classes } = await objects(t)
  for (const [name, object] of Object.entries(classes)) {
    const all = publicNames(object).filter(property => !declared(name).includes(property))
    const undeclared = []
    for (const property of all) {
      if (!(await isStandIn(object, property))) undeclared.push(property)
    }
    t.alike(undeclared.sort(), (UNDECLARED[name] || []).sort(), name)
  }
})

test('every name of a plain object is declared', { timeout: 120_000 }, async t => {
  const { plain } = await objects(t)
  for (const [name, object] of Object.entries(plain)) {
    t.alike(Object.keys(object).sort(), declared(name).sort(), name)
  }
})

test('bytes are Buffers, whatever the program gave', async t => {
  const net = await createTestnet(2, t.teardown)
  const keyPair = {}
  for (const [name, value] of Object.entries(DHT.keyPair())) keyPair[name] = new Uint8Array(value)

  const dht = new DHT({ bootstrap: net.bootstrap, host: HOST, keyPair })
  t.teardown(() => dht.destroy())
  const server = dht.createServer(accepted => accepted.on('error', () => {}))
  await server.listen(keyPair)
  const connection = net.nodes[0].connect(keyPair.publicKey, { keyPair })
  connection.on('error', () => {})
  const value = new Uint8Array([1])
  const put = await net.nodes[0].mutablePut(keyPair, value)
  const query = dht.lookup(keyPair.publicKey)

  for (const bytes of [
    ...[dht.defaultKeyPair.publicKey, dht.defaultKeyPair.secretKey],
    ...[server.publicKey, server.address().publicKey, server.target],
    ...[connection.publicKey, connection.remotePublicKey],
    ...[put.publicKey, put.signature, query.target]
  ]) {
    t.ok(Buffer.isBuffer(bytes))
  }
  connection.destroy()
})

/** One object for each type. An object of `plain` has only properties that are declared. */
async function objects(t) {
  const net = await createTestnet(4, t.teardown)
  const questions = {}
  const request = {}
  class Responder extends DHT {
    onrequest(req) {
      if (req.command !== 77) return super.onrequest(req)
      request.req = req
      req.reply(null)
    }
  }
  const dht = new Responder({ bootstrap: net.bootstrap, host: HOST })
  t.teardown(() => dht.destroy())
  const server = dht.createServer({
    firewall(publicKey, payload, address) {
      questions.payload = payload
      questions.address = address
      return publicKey === null
    }
  })
  await server.listen()
  const [node] = net.nodes
  const accepted = once(server, 'connection')
  const connection = node.connect(server.publicKey)
  for (const stream of [connection, await accepted]) stream.on('error', () => {})
  await connection.opened

  const reply = await node.request({ command: 77 }, dht.address())
  const query = node.lookup(server.target)
  const [found] = await collect(query)
  const [peer] = await collect(node.findPeer(server.publicKey))
  const { hash } = await node.immutablePut(Buffer.from('x'))
  const keyPair = DHT.keyPair()
  await node.mutablePut(keyPair, Buffer.from('x'))
  const rtt = await node.rttStats()
  const { rawStream } = connection
  const plugin = new Plugin('x', 1)
  const relay = dht.createRelay()

  const classes = {
    ...{ HyperDHT: dht, Server: server, NoiseSecretStream: connection, RawStream: rawStream },
    ...{ UDX: dht.udx, UDXSocket: rawStream.socket, UDXStream: dht.createRawStream() },
    ...{ RawStreamSet: dht.rawStreams, NetworkInterfaces: dht.io.networkInterfaces },
    ...{ Query: query, Session: dht.session(), Request: request.req },
    ...{ NodeSet: dht.nodes, RoutingTable: dht.table, Health: dht.health, IO: dht.io },
    ...{ Testnet: net, Plugin: plugin, Relay: relay }
  }
  const plain = {
    ...{ KeyPair: keyPair, Address: questions.address, SocketAddress: dht.address() },
    ...{ NodeAddress: reply.from, NoisePayload: questions.payload, Peer: peer.peer },
    ...{ Config: dht.config, Stats: dht.stats, HealthStats: dht.health.stats },
    ...{ TableNode: node.nodes.latest, Reply: reply, LookupResult: found, FindPeerResult: peer },
    ...{ ImmutableResult: await node.immutableGet(hash), RttStats: rtt },
    ...{ RelayStats: relay.stats },
    ...{ MutableResult: await node.mutableGet(keyPair.publicKey), RttAverages: rtt.responses }
  }
  return { classes, plain }
}

function publicNames(object) {
  const names = new Set()
  for (let at = object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name)
  }
  return [...names].filter(name => !name.startsWith('_') && name !== 'constructor')
}

/** A method that says that it is not supported. */
async function isStandIn(object, name) {
  if (typeof object[name] !== 'function') return false
  try {
    await object[name]()
  } catch (err) {
    return err.code === 'NOT_SUPPORTED'
  }
  return false
}

async function collect(query) {
  const all = []
  for await (const data of query) all.push(data)
  return all
}

/** Tells the names that a type has, by the type's name. */
function declarations() {
  const files = ['index.d.ts', 'testnet.d.ts'].map(file => path.join(ROOT, file))
  const program = ts.createProgram(files, { strict: true, noEmit: true, types: ['node'] })
  const checker = program.getTypeChecker()
  const [node, testnet] = files.map(file => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file))
    return checker.resolveExternalModuleSymbol(module)
  })

  return name => {
    if (name === 'typeof HyperDHT') return names(checker.getTypeOfSymbol(node))
    const inside = new Map([...testnet.exports, ...node.exports])
    const symbol = name === 'HyperDHT' ? node : inside.get(name)
    return names(checker.getDeclaredTypeOfSymbol(symbol))
  }

  function names(type) {
    const all = checker.getPropertiesOfType(type).map(property => property.name)
    return all.filter(name => !name.startsWith('__@') && name !== 'prototype')
  }
}
