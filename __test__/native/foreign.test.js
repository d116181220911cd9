// Connections whose handshake or secret stream the program makes, where the npm module has no such
// promise.

const test = require('brittle')
const b4a = require('b4a')
const SecretStream = require('@hyperswarm/secret-stream')
const NoiseWrap = require('../../lib/noise-wrap')
const events = require('../../lib/dht/events')
const { DHT } = require('../helpers/implementation')
const runProgram = require('../helpers/run-program')
const { internalsOf } = require('../../lib/util/internals')
const { closed, node, once, pair, testnet } = require('../helpers/fixtures')

test('a stream that is destroyed before it opens hears nothing more', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const { connections } = internalsOf(dht)
  const client = dht.connect(DHT.keyPair().publicKey, { createSecretStream })
  t.is(connections.size, 1)
  client.destroy()
  await closed(client)
  t.is(connections.size, 0)
})

test('a client of a server that is gone is forgotten', async t => {
  const internals = internalsOf(await node(t, await testnet(t, 1)))
  const conn = 5
  internals.connections.set(conn, {})
  events.connection(internals, { connection: { server: 99, opened: { conn } } })
  t.is(internals.connections.size, 0)
})

test('the holepunch hook is asked after the connection has opened, too', async t => {
  const asked = []
  const holepunch = (...args) => asked.push(args) === 0
  const options = { createSecretStream, holepunch }
  const { dhts } = await pair(t, await testnet(t), {}, options)
  const link = internalsOf(dhts[1]).connections.get(0)
  const question = { remoteFirewall: 1, localFirewall: 2, remoteAddresses: [], localAddresses: [] }
  t.is(link.onholepunch(question), false)
  t.alike(asked, [[1, 2, [], []]])
})

test('a firewall that is set while the program makes the handshake', async t => {
  const net = await testnet(t)
  for (const refuses of [true, false]) {
    const [dht, clientDht] = await Promise.all([node(t, net), node(t, net)])
    const asked = []
    const server = dht.createServer({
      createHandshake(...args) {
        const noise = new NoiseWrap(...args)
        const send = payload => {
          server.firewall = async (key, { udx }, address) => {
            asked.push({ key, hasStream: udx !== null, address })
            return refuses
          }
          return noise.send(payload)
        }
        const { recv, final } = noise
        return {
          get remotePublicKey() {
            return noise.remotePublicKey
          },
          recv: recv.bind(noise),
          send,
          final: final.bind(noise)
        }
      }
    })
    await server.listen()
    const accepted = once(server, 'connection').then(conn => conn.on('error', noop))
    const client = clientDht.connect(server.publicKey)
    client.on('error', noop)
    client.write('hello')
    if (refuses) await closed(client)
    else t.alike(await once(await accepted, 'data'), b4a.from('hello'))
    const [{ key, hasStream, address }] = asked
    t.alike([asked.length, key, hasStream], [1, client.publicKey, true])
    t.is(address.host, '127.0.0.1')
    client.destroy()
  }
})

test('a relayThrough function that throws: no relay', async t => {
  const createHandshake = (...args) => new NoiseWrap(...args)
  const relayThrough = () => {
    throw new Error('from the function')
  }
  const { client, server } = await pair(t, await testnet(t), { createHandshake, relayThrough })
  client.write('hello')
  t.alike(await once(server, 'data'), b4a.from('hello'))
})

// The limit is what a datagram has room for beside the message.
for (const end of ['client', 'server']) {
  test(`the longest message of a handshake: ${end}`, async t => {
    const net = await testnet(t)
    for (const [length, opens] of [
      [1953, true],
      [1954, false]
    ]) {
      const padded = { createHandshake: (...args) => padding(new NoiseWrap(...args), length) }
      const plain = { createHandshake: (...args) => padding(new NoiseWrap(...args), 0) }
      const [dht, clientDht] = await Promise.all([node(t, net), node(t, net)])
      const server = dht.createServer(end === 'server' ? padded : plain)
      server.on('connection', conn => conn.on('error', noop))
      await server.listen()
      const client = clientDht.connect(server.publicKey, end === 'client' ? padded : plain)
      client.on('error', noop)
      t.is(await client.opened, opens, `${length} bytes`)
      client.destroy()
    }
  })
}

test('createSecretStream of a server that throws', async t => {
  const { code, lines, stderr } = await runProgram('throwing-secret-stream')
  // a runtime may tell of the error later than the client closes
  t.alike(lines.slice(0, 2).sort(), ['the first client has closed', 'uncaught: from the hook'])
  t.alike(lines.slice(2), ['the second client: true', 'done'])
  t.is(code, 0, stderr)
})

test('the keys of a handshake are not kept', async t => {
  const createHandshake = (...args) => new NoiseWrap(...args)
  const { client, dhts } = await pair(t, await testnet(t), {}, { createHandshake })
  const channel = internalsOf(dhts[1]).connections.get(0)
  t.ok(channel.isKnown)
  t.is(channel._handshake, null)
  t.alike(client.publicKey, dhts[1].defaultKeyPair.publicKey)
})

function createSecretStream(...args) {
  return new SecretStream(...args)
}

function noop() {}

/** A handshake whose messages are filled up to a length. Each has its own length in front. */
function padding(noise, length) {
  return {
    get remotePublicKey() {
      return noise.remotePublicKey
    },
    send(payload) {
      const message = noise.send(payload)
      const padded = b4a.alloc(Math.max(length, message.byteLength + 2))
      padded.writeUInt16LE(message.byteLength)
      padded.set(message, 2)
      return padded
    },
    recv: message => noise.recv(message.subarray(2, 2 + message.readUInt16LE())),
    final: () => noise.final()
  }
}
