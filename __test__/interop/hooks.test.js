// createHandshake and createSecretStream between our node and the reference's.

const test = require('brittle')
const b4a = require('b4a')
const SecretStream = require('@hyperswarm/secret-stream')
const DHT = require('../..')
const NoiseWrap = require('../../lib/noise-wrap')
const Reference = require('hyperdht-reference')
const ReferenceNoiseWrap = require('hyperdht-reference/lib/noise-wrap')
const createTestnet = require('hyperdht-reference/testnet')
const { closed, once } = require('../helpers/fixtures')

/** The hooks of one end, with the handshake of either implementation. */
const HOOKS = {
  none: {},
  'a handshake': { createHandshake: (...args) => new NoiseWrap(...args) },
  'their handshake': { createHandshake: (...args) => new ReferenceNoiseWrap(...args) },
  'a secret stream': { createSecretStream: (...args) => new SecretStream(...args) },
  both: {
    createHandshake: (...args) => new ReferenceNoiseWrap(...args),
    createSecretStream: (...args) => new SecretStream(...args)
  }
}

/** Addresses that are not shared, so that the ends have to punch. */
const PUNCHING = [{ shareLocalAddress: false }, { localConnection: false }]

for (const [Client, Server, title] of [
  [DHT, Reference, 'our client, their server'],
  [Reference, DHT, 'their client, our server']
]) {
  test(`${title}`, { timeout: 120_000 }, async t => {
    const net = await createTestnet(4, t.teardown)
    const options = { bootstrap: net.bootstrap, host: '127.0.0.1', quickFirewall: false }
    const [client, dht] = [new Client(options), new Server(options)]
    for (const each of [client, dht]) {
      t.teardown(() => each.destroy())
      await each.fullyBootstrapped()
    }
    for (const [name, hooks] of Object.entries(HOOKS)) {
      for (const [ofServer, ofClient] of [[{}, {}], PUNCHING]) {
        const server = dht.createServer({ ...hooks, ...ofServer })
        await server.listen(DHT.keyPair())
        const connected = once(server, 'connection')
        const stream = client.connect(server.publicKey, { ...hooks, ...ofClient })
        await exchange(t, stream.on('error', noop), (await connected).on('error', noop), name)
        await server.close()
      }
    }
  })
}

/** Data both ways, and an end that both know of. */
async function exchange(t, client, server, name) {
  const data = b4a.alloc(300_000, 'data')
  const received = [client, server].map(stream => collect(stream, data.byteLength))
  const ends = [client, server].map(closed)
  for (const stream of [client, server]) stream.write(data)
  for (const each of await Promise.all(received)) t.ok(b4a.equals(each, data), name)
  t.alike(client.handshakeHash, server.handshakeHash, name)
  for (const stream of [client, server]) stream.end()
  t.alike(await Promise.all(ends), [null, null], name)
}

/** Reads so many bytes. */
function collect(stream, size) {
  return new Promise(resolve => {
    const chunks = []
    let left = size
    stream.on('data', data => {
      chunks.push(data)
      left -= data.byteLength
      if (left <= 0) resolve(b4a.concat(chunks))
    })
  })
}

function noop() {}
