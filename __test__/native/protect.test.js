// The option `protect`: a hook that gets each UDP socket before anything is sent from it.

const test = require('brittle')
const b4a = require('b4a')
const runProgram = require('../helpers/run-program')
const { fs, process } = require('../helpers/runtime')
const { DHT, UDX } = require('../helpers/implementation')
const { closed, node, once, rejected, testnet, thrown } = require('../helpers/fixtures')
const busyFor = require('../helpers/busy')

const HOST = '127.0.0.1'
const skip = process.platform !== 'linux'

test('it sees every socket: of a node, a punch, a resume, a program', { skip }, async t => {
  const net = await testnet(t, 10)
  const before = udpSockets()
  const seen = new Set()
  const protect = fd => void seen.add(inode(fd))
  const dhts = [await firewalled(t, net, protect), await firewalled(t, net, protect)]
  t.is(seen.size, 4)
  t.alike(opened(before), seen)

  const { stream, server } = await punch(dhts)
  t.is(await stream.opened, true)
  t.ok(opened(before).size >= 6, 'each end has a socket of its own')
  t.alike(unseen(before, seen), [])
  stream.destroy()
  await server.close()

  for (const dht of dhts) await dht.suspend()
  const count = seen.size
  for (const dht of dhts) await dht.resume()
  t.is(seen.size, count + 4)
  t.alike(unseen(before, seen), [])

  const socket = dhts[0].udx.createSocket()
  socket.bind(0, HOST)
  t.is(seen.size, count + 5)
  t.alike(unseen(before, seen), [])
  await socket.close()
  t.alike(await dhts[0].validateLocalAddresses([{ host: HOST, port: 1 }]), [
    { host: HOST, port: 1 }
  ])
  t.is(seen.size, count + 6)
})

test('sockets that the engine opens wait while JavaScript is busy', { skip }, async t => {
  const net = await testnet(t, 3)
  const seen = []
  const dht = await node(t, net, { protect: fd => void seen.push(inode(fd)) })
  await dht.suspend()
  const resumed = dht.resume()
  busyFor(100)
  t.is(seen.length, 2)
  await resumed
  t.is(seen.length, 4)
})

test('a hook that throws: the constructor', async t => {
  for (const [protect, message] of REFUSING) {
    const before = skip ? null : udpSockets()
    const dht = new DHT({ bootstrap: [], host: HOST, protect })
    const err = await rejected(dht.bind())
    t.is(err.message, message)
    t.is(await rejected(dht.ready()), err)
    if (!skip) t.alike(udpSockets(), before, 'its sockets are closed')
    await dht.destroy()
  }
})

test('a hook that throws: a resume, which may be tried again', async t => {
  const net = await testnet(t, 3)
  let refuses = false
  const dht = await node(t, net, { protect: () => void (refuses && throwing()) })
  await dht.suspend()
  refuses = true
  t.is(await rejected(dht.resume()), ERROR)
  t.is(dht.suspended, true)
  refuses = false
  await dht.resume()
  t.is(dht.suspended, false)
})

test('a hook that throws: a connection that has to punch', async t => {
  const net = await testnet(t, 10)
  let refuses = false
  const dhts = [
    await firewalled(t, net),
    await firewalled(t, net, () => void (refuses && throwing()))
  ]
  refuses = true
  const { stream } = await punch(dhts)
  const err = await closed(stream)
  t.is(err.code, 'HOLEPUNCH_ABORTED')
  t.is(err.trace.reason, 'noSocket')
  t.is(err.cause, ERROR)
})

test('a connect that finds no descriptors is not explained by an earlier refusal', {
  skip
}, async t => {
  const net = await testnet(t, 10)
  const server = (await firewalled(t, net)).createServer({ shareLocalAddress: false })
  await server.listen(DHT.keyPair())
  const under = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh']
  const args = [String(net.bootstrap[0].port), b4a.toString(server.publicKey, 'hex')]
  const { lines } = await runProgram('no-socket', { under, args })
  t.alike(lines, ['noSocket refused', 'noSocket undefined'])
})

test('a hook that throws: a socket of a program', async t => {
  const calls = []
  const udx = new UDX({
    protect(fd) {
      calls.push(fd)
      throw ERROR
    }
  })
  const socket = udx.createSocket()
  t.is(
    thrown(() => socket.bind(0)),
    ERROR
  )
  t.is(calls.length, 1, 'no other address is tried')
  t.is(socket.bound, false)
  t.is(await rejected(socket.send(new Uint8Array(1), 1, HOST)), ERROR)
  await socket.close()
})

test('the hook of an instance, and of the node that has it', async t => {
  const net = await testnet(t, 3)
  const calls = []
  const udx = new UDX({ protect: () => void calls.push('instance') })
  const first = await node(t, net, { udx })
  t.alike(calls, ['instance', 'instance'])
  await first.destroy()
  const socket = udx.createSocket()
  socket.bind(0, HOST)
  t.is(calls.length, 3)
  await socket.close()
  await node(t, net, { udx, protect: () => void calls.push('node') })
  t.alike(calls.slice(3), ['node', 'node'])
})

test('a hook may use its node, and bind a socket', async t => {
  const net = await testnet(t, 3)
  const sockets = []
  let dht = null
  const protect = () => {
    if (dht === null || sockets.length > 0) return
    sockets.push(dht.udx.createSocket())
    sockets[0].bind(0, HOST)
  }
  dht = await node(t, net, { protect })
  await dht.suspend()
  await dht.resume()
  t.is(sockets[0].bound, true)
  await sockets[0].close()
})

test('destroy does not wait for a hook', async t => {
  const net = await testnet(t, 3)
  const calls = []
  const dht = await node(t, net, { protect: fd => void calls.push(fd) })
  await dht.suspend()
  const resumed = rejected(dht.resume())
  await dht.destroy()
  await resumed
  t.ok(calls.length <= 4)

  let other = null
  other = new DHT({
    bootstrap: net.bootstrap,
    host: HOST,
    protect() {
      other?.destroy({ force: true })
    }
  })
  await other.suspend()
  const ended = once(other, 'close')
  other.resume().catch(noop)
  await ended
})

test('no function', t => {
  t.is(thrown(() => new DHT({ protect: 1 })).message, 'protect must be a function')
  t.is(thrown(() => new UDX({ protect: {} })).message, 'protect must be a function')
})

const ERROR = new Error('EPERM: refused by a test')
const REFUSING = [
  [throwing, ERROR.message],
  [() => false, 'protect has returned false'],
  [async () => {}, 'protect must not return a promise']
]

function throwing() {
  throw ERROR
}

/** Connects by hole punching, on the loopback interface. */
async function punch([serverDht, clientDht]) {
  const server = serverDht.createServer({ shareLocalAddress: false })
  server.on('connection', stream => stream.on('error', noop))
  await server.listen(DHT.keyPair())
  const options = { localConnection: false, fastOpen: false }
  const stream = clientDht.connect(server.publicKey, options)
  stream.on('error', noop)
  return { server, stream }
}

/** A node that has not found out that it is reachable. */
async function firewalled(t, net, protect) {
  return node(t, net, { quickFirewall: false, protect })
}

function unseen(before, seen) {
  return [...opened(before)].filter(each => !seen.has(each))
}

function opened(before) {
  return new Set([...udpSockets()].filter(each => !before.has(each)))
}

/** The inodes of the UDP sockets that this process has open. */
function udpSockets() {
  const tables = ['udp', 'udp6'].map(name => read(`/proc/self/net/${name}`)).join('')
  const udp = new Set(tables.split('\n').map(line => line.trim().split(/\s+/)[9]))
  const own = fs.readdirSync('/proc/self/fd').map(inode)
  return new Set(own.filter(each => udp.has(each)))
}

function inode(fd) {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1]
  } catch {
    return undefined
  }
}

function read(file) {
  return fs.readFileSync(file, 'utf8')
}

function noop() {}
