// Uses every export and every event, and no type of a runtime. Wrong uses do not compile.

import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import Plugin from 'hyperdht/lib/plugin.js'
import RPC from 'hyperdht/dht-rpc.js'
import UDX from 'hyperdht/udx.js'
import 'hyperdht/preload.js'

const bytes: Uint8Array = new Uint8Array(32)
const address: DHT.Address = { host: '127.0.0.1', port: 1 }
const bare = { publicKey: bytes, secretKey: new Uint8Array(64) }

// Statics.

const keyPair: DHT.KeyPair = DHT.keyPair()
const publicKey: Uint8Array = DHT.keyPair(bytes).publicKey
const hash: Uint8Array = DHT.hash(bytes)
const code: 0 | 1 | 2 = [DHT.OK, DHT.ERROR_UNKNOWN_COMMAND, DHT.ERROR_INVALID_TOKEN][0]
const unknown: 0 = DHT.FIREWALL.UNKNOWN
const concurrency: number = DHT.DEFAULTS.concurrency
const names: string[] = DHT.BOOTSTRAP
const bootstrapper: DHT = DHT.bootstrapper(49737, '10.0.0.1', { host: '127.0.0.1' })

// @ts-expect-error a seed is bytes
DHT.keyPair('seed')
// @ts-expect-error a host is needed
DHT.bootstrapper(49737)
// @ts-expect-error a type, which is no value
DHT.Server

// A node.

new DHT()
const node = new DHT({
  bootstrap: ['10.0.0.1:49737', address, 49737],
  nodes: [address],
  port: [1000, 1010],
  keyPair: bare,
  connectionKeepAlive: false,
  adaptiveTimeout: { min: 100 },
  somethingElse: true
})
new DHT({ bootstrap: false, port: 1, keyPair, seed: bytes, adaptiveTimeout: true })

// @ts-expect-error a port is a number, or two
new DHT({ port: '49737' })
// @ts-expect-error half a key pair
new DHT({ keyPair: { publicKey: bytes } })
// @ts-expect-error read only
node.destroyed = true

node.on('listening', () => {})
node.on('nat-update', (host: string | null, port: number) => [host, port])
node.once('ready', () => {})
node
  .on('persistent', () => {})
  .on('ephemeral', () => {})
  .off('wakeup', () => {})
node.on('network-change', ([{ name, host, family, internal }]) => [name, host, family, internal])
node.on('network-update', () => {})
node.on('suspend', () => {}).on('resume', () => {})
node.on('add-node', ({ id, host, port, seen }) => [id, host, port, seen])
node.on('remove-node', ({ id }: DHT.TableNode) => id)
node.on('request', (req: DHT.Request) => req.reply(null))
node.on('error', (err: Error) => err)
node.on('close', () => {})
const emitted: boolean = node.emit('network-update')
const count: number = node.listenerCount('ready')

// @ts-expect-error no such event
node.on('raedy', () => {})
// @ts-expect-error an address has a host and a port
node.on('nat-update', (host: number) => host)
// @ts-expect-error a request is missing
node.emit('request')

const state: Array<boolean> = [
  ...[node.randomized, node.firewalled, node.ephemeral, node.adaptive, node.bootstrapped],
  ...[node.destroyed, node.suspended, node.online, node.degraded]
]
const id: Uint8Array | null = node.id
const ours: DHT.KeyPair = node.defaultKeyPair
const numbers: number[] = [node.port, node.concurrency, node.maxPingDelay, node.connectionKeepAlive]
const { socket, listening, config, nodes, table, health, io, stats, plugins } = node
const counted: number = stats.punches.tryLater + stats.dropped.udx + stats.commands.ping.tx
const servers: Set<DHT.Server> = listening
const closest: DHT.TableNode[] = table.closest(bytes, 20)
const views: Array<number | boolean> = [nodes.length, health.timeoutsRate, config.maxWindow]
const datagrams: number = (io.serverSocket?.packetsReceived ?? 0) + (socket?.bytesTransmitted ?? 0)
stats.queries.total = 0
io.serverSocket?.on('message', (data, { host, port }) => [data.byteLength, host, port])
const manual = io.createRequest(address, null, true, 0)
if (manual && io.clientSocket) {
  manual.onresponse = ({ from, rtt }, req) => [from.port, rtt, req.sent]
  manual.onerror = err => err.message
  manual.send()
  io.onmessage(io.clientSocket, bytes, address)
}

await node.bind()
await node.ready()
await node.fullyBootstrapped()
await node.suspend({ log: text => text.length })
await node.resume()
const seen: DHT.Address[] = [...node.toArray({ limit: 1 }), ...node.bootstrapNodes]
const own = [node.address()?.family, node.localAddress()?.host, node.remoteAddress()?.port]
node.addNode(address)
node.refresh()

// @ts-expect-error an address has a port
node.addNode({ host: '10.0.0.1' })

// Servers.

const options: DHT.ServerOptions = {
  firewall: (remotePublicKey, payload, { host }) =>
    payload.version > 1 || host === '' || !remotePublicKey,
  holepunch(remoteFirewall, localFirewall, remoteAddresses, localAddresses) {
    const verified: boolean = remoteAddresses.some(address => address.verified)
    const hits: number | undefined = localAddresses?.[0]?.hits
    return verified || hits === 1 || remoteFirewall === localFirewall
  },
  handshakeClearWait: 1000,
  shareLocalAddress: false
}
node.createServer()
node.createServer(connection => connection.remotePublicKey)
node.createServer({ holepunch: false, firewall: async () => true })
const server: DHT.Server = node.createServer(options, connection => connection.end())
server
  .on('listening', () => {})
  .on('close', () => {})
  .on('error', (err: Error) => err)
server.on('connection', (connection: DHT.NoiseSecretStream) => connection.handshakeHash)
const same: DHT.Server = await server.listen(bare)
await server.listen({ publicKey: bytes, sign: signable => signable })
await server.listen({ publicKey: bytes }, { signAnnounce: async target => target })
const at: number | undefined = server.address()?.port
const relays: DHT.Address[] = server.relayAddresses
server.firewall = () => false
server.holepunch = () => true
server.firewall = null
server.holepunch = null
server.refresh()
server.notifyOnline()
await Promise.all([server.suspend(), server.resume(), server.close()])

// @ts-expect-error a server has no such event
server.on('open', () => {})
// @ts-expect-error a hook answers yes or no
node.createServer({ firewall: () => 'yes' })
// @ts-expect-error the addresses may be unknown
node.createServer({ holepunch: (...question) => question[3].length > 0 })
// @ts-expect-error a key pair has two keys
await server.listen({ secretKey: bytes })

// Connections.

node.connect('e0'.repeat(32))
const connection = node.connect(bytes, {
  keyPair: bare,
  relayAddresses: [address],
  holepunch: () => false,
  localConnection: false,
  fastOpen: false,
  createHandshake(keyPair, remotePublicKey) {
    const key: Uint8Array | null = remotePublicKey ?? keyPair.publicKey
    return {
      remotePublicKey: key,
      send: async payload => new Uint8Array(payload.addresses4.length),
      recv: () => null,
      final: () => {
        const [hash, key] = [new Uint8Array(64), new Uint8Array(32)]
        const keys = { hash, rx: key, tx: key, holepunchSecret: key }
        return { isInitiator: true, publicKey: key, remotePublicKey: key, ...keys }
      }
    }
  }
})
const ownStream = node.connect(bytes, {
  createSecretStream: (isInitiator, rawStream, { keepAlive }) => {
    return { isInitiator, id: rawStream?.id, keepAlive }
  }
})
const isFirst: boolean = ownStream.isInitiator
// @ts-expect-error a client needs a stream
node.connect(bytes, { createSecretStream: () => null })
node.createServer({ createSecretStream: () => null }).createHandshake = null
connection
  .on('open', () => {})
  .on('connect', () => {})
  .on('handshake', () => {})
connection.on('data', (data: Uint8Array) => data).on('message', (data: Uint8Array) => data)
connection
  .on('end', () => {})
  .on('finish', () => {})
  .on('close', () => {})
connection
  .on('drain', () => {})
  .on('readable', () => {})
  .on('pipe', src => src)
connection.on('error', err => err.code === 'ECONNRESET')
connection.on('error', ({ trace }: DHT.ConnectionError) => {
  if (trace === undefined) return
  const { reason, direct, node, server, relay }: DHT.ConnectTrace = trace
  const failed: boolean = reason === 'randomNats' && direct === null
  const places: Array<string | number | undefined> = [node?.host, server?.port, relay?.length]
  const nats: boolean = trace.localNat === 'random' || trace.remoteNat === 'consistent'
  const times: number[] = trace.steps.filter(({ step }) => step !== 'failed').map(({ ms }) => ms)
  const sent: number = trace.nodes + trace.handshakes + trace.rounds + trace.probes
  return [failed, places, nats, times, sent]
})
const more: boolean = connection.write('text') && connection.write(bytes)
connection
  .end()
  .end('text')
  .end(bytes)
  .end(() => {})
connection.pause().resume()
connection.cork()
connection.uncork()
connection.destroy()
connection.destroy(new Error('no'))
const read: Uint8Array | null = connection.read()
for await (const data of connection) data.byteLength
const opened: boolean = await connection.opened
const sent: boolean | undefined = await connection.send('text')
connection.trySend(bytes)
connection.setKeepAlive(1000)
connection.setTimeout(1000)
connection.sendKeepAlive()
connection.userData = { anything: true }
connection.enableSend = false
const flushed: boolean = await connection.flush()
connection.write(connection.alloc(10))
const facts = [
  connection.isInitiator,
  connection.keepAlive,
  connection.timeout,
  connection.connected
]
const sides: boolean[] = [connection.readable, connection.writable, connection.destroying]
const bytesSoFar: number = connection.rawBytesRead + connection.rawBytesWritten
connection.toJSON()
const raw: DHT.RawStream | null = connection.noiseStream.rawStream
raw?.setInteractive(true)
const rtt: number = raw?.rtt ?? 0
const streams: Set<DHT.UDXStream> | undefined = raw?.socket?.streams
raw?.on('close', () => {})
raw?.on('message', message => message.byteLength)
const messageSent: Promise<boolean> | undefined = raw?.send(bytes)
const [anyStream] = new DHT().rawStreams
const other: DHT.UDXStream = new DHT().createRawStream({
  framed: true,
  firewall(socket, port, host) {
    this.connect(socket, 1, port, host)
    return socket.closing
  },
  seq: 1
})
other.connect(new UDX().createSocket(), 1, 1, { ack: 1 })
DHT.connectRawStream(connection, other, anyStream?.id ?? 0)
other.on('message', message => message.byteLength)
const bound: UDX.UDXSocket = new UDX().createSocket({ reuseAddress: true })
const family: 0 | 4 | 6 = UDX.isIP('::')
bound.on('message', (data, { host, port }) => bound.trySend(data, port, host))
const rpc: RPC = new RPC({ ephemeral: false })
rpc.on('request', req => req.reply(null))
const asked: Promise<DHT.Reply> = rpc.request({ command: 1 }, address)
// @ts-expect-error a node without connections
rpc.connect
const both: DHT.NoiseSecretStream = connection.pipe(connection)

// @ts-expect-error a message is bytes or a string
connection.write(5)
// @ts-expect-error no such event
connection.on('conect', () => {})
// @ts-expect-error data are bytes
connection.on('data', (data: string) => data)
// @ts-expect-error there may be none
connection.rawStream.rtt
// @ts-expect-error a key is bytes or a string
node.connect(5)
// @ts-expect-error the secret stream writes there
raw?.write(bytes)

// Queries.

const lookup: DHT.Query<DHT.LookupResult> = node.lookup(bytes, { concurrency: 5, retries: 1 })
lookup.on('data', ({ peers, from, to, token, bump }) => [
  peers[0]?.publicKey,
  from.id,
  to,
  token,
  bump
])
lookup
  .on('end', () => {})
  .on('close', () => {})
  .on('error', (err: Error) => err)
for await (const { peers } of lookup) peers.length
await lookup.finished()
const replies: DHT.Reply[] = lookup.closestReplies
const fields = [
  lookup.target,
  lookup.command,
  lookup.value,
  lookup.errors,
  lookup.successes,
  lookup.k
]
lookup.destroy()

const found: DHT.Query<DHT.FindPeerResult> = node.findPeer(bytes, { hash: false })
const findNode: DHT.Query<DHT.Reply> = node.findNode(bytes)
node.announce(bytes, bare, [address], { bump: 1, clear: true })
node.announce(bytes, { publicKey: bytes }, null, { signAnnounce: () => bytes })
node.lookupAndUnannounce(bytes, keyPair)
await node.unannounce(bytes, keyPair, { signUnannounce: async () => bytes })
const custom: DHT.Query<number> = node.query<number>(
  { target: bytes, command: 1, value: null },
  {
    map: reply => reply.error,
    commit: async (reply, dht, query) => [reply.token, dht.id, query.target]
  }
)

// @ts-expect-error the target is missing
node.query({ command: 1 })
// @ts-expect-error a target is bytes
node.lookup('topic')
// @ts-expect-error what signs is missing
node.announce(bytes, {})

// Records.

const put: { hash: Uint8Array; closestNodes: DHT.NodeAddress[] } = await node.immutablePut(bytes)
const got: DHT.ImmutableResult | null = await node.immutableGet(put.hash)
const { seq, signature } = await node.mutablePut(bare, bytes, { seq: 1 })
await node.mutablePut({ publicKey: bytes }, bytes, { signMutable: async () => signature })
const record: DHT.MutableResult | null = await node.mutableGet(bytes, {
  seq,
  latest: false,
  refresh: ({ value }) => value.byteLength > 0
})

// @ts-expect-error a value is bytes
await node.immutablePut('text')
// @ts-expect-error there may be none
record.value

// Requests.

const reply: DHT.Reply = await node.request({ command: 1, value: bytes }, address, { retry: false })
await node.ping(reply.from, { size: 100, ttl: 5 })
await node.delayedPing(address, 100)
const session: DHT.Session = node.session()
await session.ping(address)
session.query({ target: bytes, command: 1 })
session.destroy(new Error('over'))
const { closestReplies }: DHT.RttStats = await node.rttStats()
const average: number = closestReplies.avgRtt
const valid: DHT.Address[] = await node.validateLocalAddresses([address])

class Responder extends DHT {
  onrequest(req: DHT.Request) {
    if (req.command !== 77) return super.onrequest(req)
    req.reply(req.value, { token: true, to: req.from, closerNodes: false })
    req.error(DHT.ERROR_UNKNOWN_COMMAND)
    req.relay(null, address, { socket: req.socket })
    return true
  }
}
node.onmessage = (socket, buf, { host, port }) => [socket.id, buf.byteLength, host, port]
const responder: DHT = new Responder({ ephemeral: true })

// @ts-expect-error requests come from the network only
new DHT.Request()
// @ts-expect-error a command is a number
await node.request({ command: 'x' }, address)

// Plugins.

class Chat extends Plugin {
  constructor() {
    super('chat', 1)
  }
  onpersistent() {}
  onrequest(req: DHT.PluginRequest, outer: DHT.Request) {
    outer.reply(req.value)
  }
}
const chat = new Chat()
node.register('chat', chat)
const plugin: DHT.Plugin | undefined = plugins.get('chat')
await chat.request({ command: 1 }, address)
for await (const { value } of chat.query({ command: 1, target: bytes })) value?.byteLength

// @ts-expect-error a plugin has a version
new Plugin('chat')
// @ts-expect-error no plugin
node.register('chat', {})

// The testnet.

const testnet = await createTestnet(5, { host: '127.0.0.1', port: 1, bootstrap: [address] })
await createTestnet(2, (fn, { order }) => [fn(), order])
await createTestnet()
const [first]: DHT[] = testnet.nodes
for (const each of testnet) each.id
const alice: DHT = testnet.createNode({ bootstrap: testnet.bootstrap })
await testnet.destroy()

// @ts-expect-error a size is a number
await createTestnet('5')

await node.destroy({ force: true })
