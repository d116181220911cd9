// lib/noise-wrap: the handshake of a connection, which programs subclass.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, deep } = require('../helpers/implementation')
const { thrown } = require('../helpers/fixtures')

const NoiseWrap = deep('lib/noise-wrap')

test('a handshake', t => {
  const { client, server, keys } = sides()
  t.alike([client.isInitiator, server.isInitiator], [true, false])
  t.is(client.keyPair, keys.client)
  t.alike(client.remotePublicKey, keys.server.publicKey)

  const asked = server.recv(client.send(payload(1)))
  t.alike(server.remotePublicKey, keys.client.publicKey)
  t.alike([asked.version, asked.udx.id, asked.addresses4], [1, 1, payload(1).addresses4])
  t.absent(client.handshake.complete)

  const answered = client.recv(server.send(payload(2)))
  t.is(answered.udx.id, 2)
  t.ok(client.handshake.complete && server.handshake.complete)

  const ours = client.final()
  const theirs = server.final()
  t.alike(ours.hash, theirs.hash)
  t.is(ours.hash.byteLength, 64)
  t.alike([ours.rx, ours.tx], [theirs.tx, theirs.rx])
  t.alike(ours.holepunchSecret, theirs.holepunchSecret)
  t.unlike(ours.remoteId, theirs.remoteId)
  t.alike([ours.isInitiator, theirs.isInitiator], [true, false])
  t.alike(ours.publicKey, keys.client.publicKey)
  t.alike(ours.remotePublicKey, keys.server.publicKey)
  t.alike(theirs.remotePublicKey, keys.client.publicKey)
  t.is(ours.streamId, undefined)
  t.ok([ours.hash, ours.rx, ours.tx].every(bytes => b4a.isBuffer(bytes)))
})

test('final before the last message: HANDSHAKE_UNFINISHED', t => {
  const { client, server } = sides()
  t.is(thrown(() => client.final())?.code, 'HANDSHAKE_UNFINISHED')
  server.recv(client.send(payload(1)))
  t.is(thrown(() => server.final())?.code, 'HANDSHAKE_UNFINISHED')
  server.send(payload(2))
  t.is(thrown(() => client.final())?.code, 'HANDSHAKE_UNFINISHED')
  t.is(
    thrown(() => server.final()),
    null
  )
})

test('messages that are damaged, too short or for another server', t => {
  const { client, keys } = sides()
  const message = client.send(payload(1))
  const damaged = b4a.from(message)
  damaged[damaged.byteLength - 1] ^= 1
  for (const bad of [damaged, message.subarray(0, 40), b4a.alloc(0), b4a.alloc(200)]) {
    t.ok(
      thrown(() => new NoiseWrap(keys.server).recv(bad)),
      `${bad.byteLength} bytes`
    )
  }
  t.ok(thrown(() => new NoiseWrap(DHT.keyPair()).recv(message)))
})

test('a subclass adds to what final returns', t => {
  class Named extends NoiseWrap {
    final() {
      return { ...super.final(), name: 'named', hash: this.handshake.hash }
    }
  }
  const keyPair = DHT.keyPair()
  const client = new Named(DHT.keyPair(), keyPair.publicKey)
  const server = new Named(keyPair, null)
  server.recv(client.send(payload(1)))
  client.recv(server.send(payload(2)))
  t.is(client.final().name, 'named')
  t.alike(client.final().hash, server.final().hash)
})

/** A client and a server that have not begun. */
function sides() {
  const keys = { client: DHT.keyPair(), server: DHT.keyPair() }
  const client = new NoiseWrap(keys.client, keys.server.publicKey)
  return { client, server: new NoiseWrap(keys.server, null), keys }
}

function payload(id) {
  return {
    error: 0,
    firewall: 2,
    holepunch: null,
    addresses4: [{ host: '192.168.1.7', port: 4000 }],
    addresses6: [],
    udx: { reusableSocket: true, id, seq: 0 },
    secretStream: {},
    relayThrough: null,
    relayAddresses: null
  }
}
