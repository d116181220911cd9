// What only the reference has throws NOT_SUPPORTED here (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const reference = require('hyperdht-reference')
const createReferenceTestnet = require('hyperdht-reference/testnet')
const { DHT, UDX, createTestnet } = require('../helpers/implementation')
const { node, once, pair, testnet, thrown } = require('../helpers/fixtures')

/** Methods that throw, by the names that `objects` below gives to their objects. */
const STAND_INS = {
  io: [
    'bind',
    'createRequest',
    'onmessage',
    'onrequest',
    'onresponse',
    'ontimeout',
    'resume',
    'token'
  ],
  connection: ['start'],
  rawStream: [
    ...['relayTo', 'trySend', 'setKeepalive'],
    ...['write', 'end', 'cork', 'uncork', 'read', 'push', 'unshift', 'setEncoding'],
    ...['pipe', 'pause', 'resume', Symbol.asyncIterator]
  ]
}

/** Methods that reject, because they return a promise in the reference. */
const REJECTING = {
  io: ['destroy', 'suspend'],
  rawStream: ['changeRemote', 'send'],
  socket: ['close']
}

/** Properties of the reference that are undefined here (docs/COMPATIBILITY.md). */
const UNDEFINED = {}

/** Functions of the reference that are options, and null here without the option. */
const OPTIONS = { server: ['createSecretStream'] }

test('what this version has not says so', async t => {
  const ours = await objects(t, DHT, createTestnet)
  for (const [owner, names] of Object.entries(STAND_INS)) {
    for (const name of names) {
      refused(t, `${owner}.${String(name)}`, () => ours[owner][name]())
    }
  }
  for (const [owner, names] of Object.entries(REJECTING)) {
    for (const name of names) {
      says(t, await ours[owner][name]().catch(err => err), `${owner}.${name}`)
    }
  }
})

test('there is no method of the reference that ours lacks', async t => {
  const ours = await objects(t, DHT, createTestnet)
  const theirs = await objects(t, reference, createReferenceTestnet)
  for (const owner of Object.keys(theirs)) {
    const names = methods(theirs[owner])
    const missing = names.filter(name => typeof ours[owner][name] !== 'function')
    t.alike(missing, OPTIONS[owner] || [], `${owner}: ${names.length} methods`)
  }
})

test('the properties of the reference that ours lacks are listed', async t => {
  const ours = await objects(t, DHT, createTestnet)
  const theirs = await objects(t, reference, createReferenceTestnet)
  for (const owner of Object.keys(theirs)) {
    const missing = properties(theirs[owner]).filter(name => !(name in ours[owner]))
    t.alike(missing.sort(), UNDEFINED[owner] || [], owner)
  }
})

test('options that would change what happens', async t => {
  const dht = await node(t, await testnet(t, 1))
  const used = new UDX()
  used.createStream(1)
  for (const udx of [used, dht.udx]) refused(t, 'udx', () => new DHT({ bootstrap: [], udx }))
  t.ok(thrown(() => new DHT({ bootstrap: [], udx: {} })) instanceof TypeError)
})

test('hooks that are no functions', async t => {
  const dht = await node(t, await testnet(t, 1))
  for (const name of ['createHandshake', 'createSecretStream']) {
    const calls = [
      () => dht.connect(b4a.alloc(32), { [name]: {} }),
      () => dht.createServer({ [name]: {} }),
      () => {
        dht.createServer()[name] = {}
      }
    ]
    for (const call of calls) t.ok(thrown(call) instanceof TypeError, name)
    const server = dht.createServer({ [name]: null })
    t.execution(() => {
      server[name] = null
    })
  }
})

test('nonsense where a function or a number is due', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  for (const listener of [5, 'x', {}]) {
    t.ok(thrown(() => dht.createServer({}, listener)) instanceof TypeError)
  }
  for (const pool of [{}, 'x', 5]) {
    t.ok(thrown(() => dht.createServer({ pool })) instanceof TypeError)
    t.ok(thrown(() => dht.connect(b4a.alloc(32), { pool })) instanceof TypeError)
  }
  for (const ttl of ['x', 256, -1]) {
    const err = await dht.ping(net.bootstrap[0], { ttl }).catch(err => err)
    t.ok(/ttl/.test(err.message), err.message)
  }
})

test('a timeout longer than a timer can be waits', async t => {
  const { client, server } = await pair(t, await testnet(t))
  client.setTimeout(Infinity)
  client.setKeepAlive(Infinity)
  t.alike([client.timeout, client.keepAlive], [Infinity, Infinity])
  await new Promise(resolve => setTimeout(resolve, 20))
  t.is(client.destroying, false)
  client.write('x')
  t.is((await once(server, 'data')).byteLength, 1)
})

function refused(t, name, call) {
  says(t, thrown(call), name)
}

function says(t, err, name = '') {
  t.ok(/not supported in this version/.test(err?.message), `${name} ${err}`)
  t.is(err?.code, 'NOT_SUPPORTED')
}

/** One of each object that programs get. */
async function objects(t, DHT, createTestnet) {
  const net = await createTestnet(2, t.teardown)
  let request = null
  class Responder extends DHT {
    onrequest(req) {
      if (req.command !== COMMAND) return super.onrequest(req)
      request = req
      req.reply(null)
    }
  }
  const dht = new Responder({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  const server = dht.createServer()
  await server.listen()

  const accepted = once(server, 'connection')
  const connection = net.nodes[0].connect(server.publicKey)
  for (const stream of [connection, await accepted]) stream.on('error', () => {})
  await connection.opened
  const { rawStream } = connection
  await net.nodes[0].request({ command: COMMAND }, dht.address())

  const { udx, rawStreams, io, nodes, table, health } = dht
  const { networkInterfaces } = io
  const session = dht.session()
  const query = dht.lookup(b4a.alloc(32))
  return {
    ...{ DHT, dht, server, connection, rawStream, socket: rawStream.socket, request, query },
    ...{ session, udx, rawStreams, io, networkInterfaces, nodes, table, health, testnet: net }
  }
}

/** A command that no node knows. */
const COMMAND = 77

/** The public methods of an object, those that it inherits too. */
function methods(object) {
  return publicNames(object).filter(name => typeof object[name] === 'function')
}

/** Its other public properties. */
function properties(object) {
  return publicNames(object).filter(name => typeof object[name] !== 'function')
}

function publicNames(object) {
  const names = new Set()
  for (let at = object; !ROOTS.has(at); at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) if (isPublic(name)) names.add(name)
  }
  return [...names]
}

const ROOTS = new Set([null, Object.prototype, Function.prototype])

function isPublic(name) {
  if (typeof name === 'symbol') return name === Symbol.iterator || name === Symbol.asyncIterator
  return !name.startsWith('_') && name !== 'constructor'
}
