// After a node is destroyed, each method of the node and of its servers, queries and connections
// has one outcome. The tests cover all methods.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, isNative } = require('../helpers/implementation')
const { node, testnet, once, closed } = require('../helpers/fixtures')

const TARGET = b4a.alloc(32, 1)
const KEY_PAIR = DHT.keyPair(b4a.alloc(32, 2))
const TO = { host: '127.0.0.1', port: 9 }
const QUERY = { target: TARGET, command: 3 }

const SAYS_SO = 'throws Node destroyed'
const REJECTS = 'rejects Node destroyed'

test('every method of a node', async t => {
  const { dht, localHost } = await destroyed(t)
  const methods = {
    addNode: [[TO], 'returns'],
    address: [[], 'returns'],
    announce: [[TARGET, KEY_PAIR, []], SAYS_SO],
    bind: [[], 'resolves'],
    connect: [[KEY_PAIR.publicKey], 'fails Node destroyed'],
    createServer: [[], 'returns'],
    destroy: [[], 'resolves'],
    findNode: [[TARGET], SAYS_SO],
    findPeer: [[TARGET], SAYS_SO],
    fullyBootstrapped: [[], 'resolves'],
    immutableGet: [[TARGET], REJECTS],
    immutablePut: [[b4a.from('x')], REJECTS],
    localAddress: [[], 'returns'],
    lookup: [[TARGET], SAYS_SO],
    lookupAndUnannounce: [[TARGET, KEY_PAIR], SAYS_SO],
    mutableGet: [[KEY_PAIR.publicKey], REJECTS],
    mutablePut: [[KEY_PAIR, b4a.from('x')], REJECTS],
    onmessage: [[dht.socket, b4a.alloc(8), TO], 'returns'],
    onrequest: [[{ command: 500 }], 'returns'],
    ping: [[TO], REJECTS],
    pool: [[], 'returns'],
    query: [[QUERY], SAYS_SO],
    ready: [[], 'resolves'],
    refresh: [[], 'returns'],
    register: [['name', { onregister: noop, onpersistent: noop, destroy: noop }], 'returns'],
    remoteAddress: [[], 'returns'],
    request: [[QUERY, TO], REJECTS],
    resume: [[], 'resolves'],
    rttStats: [[], REJECTS],
    session: [[], 'returns'],
    suspend: [[], 'resolves'],
    toArray: [[], 'returns'],
    unannounce: [[TARGET, KEY_PAIR], SAYS_SO],
    validateLocalAddresses: [[[]], 'resolves']
  }
  if (isNative) methods.createRelay = [[], 'returns']
  for (const [name, [args, expected]] of Object.entries(methods)) {
    t.is(await outcome(() => dht[name](...args)), expected, name)
  }
  t.alike(methodsOf(dht).sort(), [...Object.keys(methods), ...ELSEWHERE].sort(), 'no other')

  const tooLong = await outcome(() => dht.delayedPing(TO, 20_000))
  t.is(tooLong, 'throws Delay exceeds max delay: 10000ms')
  t.is(dht.localAddress().host, localHost)
})

test('every method of its servers', async t => {
  const { server, fresh } = await destroyed(t)
  const methods = {
    address: 'returns',
    close: 'resolves',
    listen: 'rejects NODE_DESTROYED: Node destroyed',
    notifyOnline: 'returns',
    refresh: 'returns',
    resume: 'resolves',
    suspend: 'resolves'
  }
  for (const [name, expected] of Object.entries(methods)) {
    t.is(await outcome(() => server[name]()), expected, name)
    t.is(await outcome(() => fresh[name]()), expected, `${name} of one that never listened`)
  }
  t.is(server.address(), null)
})

test('every method of its sessions and queries', async t => {
  const { dht, session, query } = await destroyed(t)
  for (const each of [session, dht.session()]) {
    t.is(await outcome(() => each.query(QUERY)), SAYS_SO)
    t.is(await outcome(() => each.request(QUERY, TO)), REJECTS)
    t.is(await outcome(() => each.ping(TO)), REJECTS)
    t.is(await outcome(() => each.destroy()), 'returns')
  }
  t.is(await outcome(() => query.finished()), 'rejects Node was destroyed')
  t.alike([query.closestReplies, query.closestNodes], [[], []])
})

test('every method of its connections and sockets', async t => {
  const { socket, connection, rawStream } = await destroyed(t)
  const methods = {
    alloc: 'returns',
    destroy: 'returns',
    end: 'returns',
    flush: 'resolves',
    read: 'returns',
    send: 'resolves',
    sendKeepAlive: 'returns',
    setKeepAlive: 'returns',
    setTimeout: 'returns',
    toJSON: 'returns',
    trySend: 'returns',
    write: 'returns'
  }
  const data = b4a.from('x')
  for (const [name, expected] of Object.entries(methods)) {
    const argument = name === 'alloc' || name.startsWith('set') ? 0 : data
    const call = name === 'destroy' || name === 'end' ? [] : [argument]
    t.is(await outcome(() => connection[name](...call)), expected, name)
  }
  t.is(await connection.flush(), false)
  t.is(await rawStream.flush(), false)
  t.is(await outcome(() => rawStream.destroy()), 'returns')
  t.alike([rawStream.destroyed, rawStream.connected], [true, false])
  t.alike([socket.closing, socket.idle], [true, true])
  t.ok(socket.address().port > 0)
})

/** With an outcome of their own (docs/COMPATIBILITY.md). */
const ELSEWHERE = ['createRawStream', 'delayedPing']

// A destroyed node, with the objects that it made before.
async function destroyed(t) {
  const net = await testnet(t, 2)
  const dht = await node(t, net)
  const server = dht.createServer()
  await server.listen()
  const accepted = once(server, 'connection')
  const client = (await node(t, net)).connect(server.publicKey)
  client.on('error', noop)
  const connection = await accepted
  connection.on('error', noop)
  await Promise.all([client.opened, connection.opened])

  const made = {
    dht,
    server,
    connection,
    rawStream: connection.rawStream,
    fresh: dht.createServer(),
    session: dht.session(),
    query: dht.lookup(TARGET),
    socket: dht.socket,
    localHost: dht.localAddress().host
  }
  const ended = closed(connection)
  await dht.destroy()
  await ended
  return made
}

async function outcome(call) {
  let result
  try {
    result = call()
  } catch (err) {
    return `throws ${err.message}`
  }
  if (typeof result?.then === 'function') {
    return result.then(
      () => 'resolves',
      err => `rejects ${err.message}`
    )
  }
  if (typeof result?.handshakeHash === 'undefined' || result.destroyed) return 'returns'
  return `fails ${(await closed(result))?.message}`
}

// The public methods of a node, without those of an event emitter.
function methodsOf(dht) {
  const names = new Set()
  let proto = Object.getPrototypeOf(dht)
  while (typeof proto.emit !== 'function' || !Object.hasOwn(proto, 'emit')) {
    for (const name of Object.getOwnPropertyNames(proto)) names.add(name)
    proto = Object.getPrototypeOf(proto)
  }
  const isMethod = name => name !== 'constructor' && typeof dht[name] === 'function'
  return [...names].filter(name => !name.startsWith('_') && isMethod(name))
}

function noop() {}
