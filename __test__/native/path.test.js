// connection.path, which the reference does not have. How paths change is tested in Rust
// (netsim › paths, relays), where a connection can be kept from finding its direct path at once.

const test = require('brittle')
const SecretStream = require('@hyperswarm/secret-stream')
const { DHT } = require('../helpers/implementation')
const { closed, node, once, pair, testnet } = require('../helpers/fixtures')
const busyFor = require('../helpers/busy')
const { internalsOf } = require('../../lib/util/internals')

const KEYS = ['kind', 'relay', 'remoteAddress', 'rtt', 'since', 'punch']

test('the path of a connection on this host', async t => {
  const before = Date.now()
  const { client, server } = await pair(t, await testnet(t))
  for (const stream of [client, server]) {
    const { path, rawStream } = stream
    t.alike(Object.keys(path), KEYS)
    t.alike([path.kind, path.relay, path.punch], ['lan', null, null])
    t.alike(path.remoteAddress, { host: rawStream.remoteHost, port: rawStream.remotePort })
    t.ok(path.since >= before && path.since <= Date.now())
  }
  const arrived = once(server, 'data')
  client.write('x')
  await arrived
  await client.flush()
  // nothing is on its way that could change it between two calls
  for (const { path, rawStream } of [client, server]) t.is(path.rtt, rawStream.rtt)
  t.ok(client.path.rtt > 0)
  t.is(client.path.since, client.path.since)
})

test('a punched path says so', async t => {
  const net = await testnet(t)
  const options = { quickFirewall: false }
  const [dht, other] = [await node(t, net, options), await node(t, net, options)]
  const server = dht.createServer({ shareLocalAddress: false })
  await server.listen()
  const accepted = once(server, 'connection')
  const client = other.connect(server.publicKey, { localConnection: false })
  client.on('error', noop)
  const stream = await accepted
  stream.on('error', noop)
  t.is(await client.opened, true)
  t.alike([client.path.punch, stream.path.punch], ['consistent', 'consistent'])
})

test('no path before the connection has one, and the last one afterwards', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const lost = dht.connect(DHT.keyPair().publicKey)
  t.is(lost.path, null)
  await closed(lost)
  t.is(lost.path, null)

  const { client, server } = await pair(t, net)
  const { remoteAddress, since } = client.path
  const ended = Promise.all([closed(client), closed(server)])
  client.destroy()
  await ended
  t.alike([client.path.remoteAddress, client.path.since], [remoteAddress, since])
})

test('a path event, and what changes with it', async t => {
  const { client, dhts } = await pair(t, await testnet(t))
  const { connections, sockets } = internalsOf(dhts[1])
  const channel = connections.get(0)
  const { rawStream } = client
  const former = rawStream.socket
  const moved = []
  client.on('path', path => moved.push(path))

  const relay = DHT.keyPair().publicKey
  const remote = { host: '8.8.8.8', port: 8 }
  channel.onpathchanged({ kind: 'relayed', relay, remote, socket: 0, punch: null })
  const [path] = moved
  t.alike(path, client.path)
  t.alike([path.kind, path.relay, path.remoteAddress], ['relayed', relay, remote])
  t.alike([rawStream.remoteHost, rawStream.remotePort], ['8.8.8.8', 8])
  t.is(rawStream.socket, sockets.client)
  t.ok(sockets.client.streams.has(rawStream))
  const changed = once(rawStream, 'remote-changed')
  channel.onremotechanged()
  await changed
  if (former !== sockets.client) t.absent(former.streams.has(rawStream))
})

test('packets go elsewhere before a late hook has let the client in', async t => {
  const net = await testnet(t)
  const [dht, clientDht] = await Promise.all([node(t, net), node(t, net)])
  const { connections, sockets } = internalsOf(dht)
  const remote = { host: '8.8.8.8', port: 8 }
  const path = { kind: 'direct', relay: null, remote, socket: 0, punch: null }
  const server = dht.createServer()
  await server.listen()
  const accepted = once(server, 'connection')
  const client = clientDht.connect(server.publicKey)
  client.on('error', noop)
  busyFor(500)
  server.firewall = async () => {
    const [channel] = connections.clear()
    channel.onpathchanged(path)
    return false
  }

  const connection = await accepted
  connection.on('error', noop)
  const { remoteHost, remotePort, socket } = connection.rawStream
  t.alike([remoteHost, remotePort, socket], ['8.8.8.8', 8, sockets.client])
  t.alike(connection.path.remoteAddress, remote)
  connection.destroy()
  client.destroy()
})

test('the raw stream below a secret stream of the program', async t => {
  const createSecretStream = (...args) => new SecretStream(...args)
  const { client, dhts } = await pair(t, await testnet(t), {}, { createSecretStream })
  const { connections, sockets } = internalsOf(dhts[1])
  const link = connections.get(0)
  const { rawStream } = client
  const former = rawStream.socket
  const moved = once(rawStream, 'remote-changed')

  const remote = { host: '8.8.8.8', port: 8 }
  link.onpathchanged({ kind: 'direct', relay: null, remote, socket: 0, punch: null })
  t.alike([rawStream.remoteHost, rawStream.remotePort], ['8.8.8.8', 8])
  t.is(rawStream.socket, sockets.client)
  t.ok(sockets.client.streams.has(rawStream))
  link.onremotechanged()
  await moved
  if (former !== sockets.client) t.absent(former.streams.has(rawStream))
})

function noop() {}
