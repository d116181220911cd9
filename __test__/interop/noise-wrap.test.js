// A handshake between our NoiseWrap and the reference's: both ends have the same keys.

const test = require('brittle')
const Reference = require('hyperdht-reference/lib/noise-wrap')
const NoiseWrap = require('../../lib/noise-wrap')
const { createKeyPair } = require('../../lib/crypto')

for (const [Client, Server, title] of [
  [NoiseWrap, Reference, 'our client, their server'],
  [Reference, NoiseWrap, 'their client, our server'],
  [NoiseWrap, NoiseWrap, 'both ours']
]) {
  test(`a handshake: ${title}`, t => {
    const keyPairs = { client: createKeyPair(), server: createKeyPair() }
    const client = new Client(keyPairs.client, keyPairs.server.publicKey)
    const server = new Server(keyPairs.server, null)

    const first = client.send(payload(7))
    const asked = server.recv(first)
    const second = server.send(payload(8))
    const answered = client.recv(second)
    t.alike([asked.udx.id, answered.udx.id], [7, 8])
    t.alike([first.byteLength - LENGTH, second.byteLength - LENGTH], [96, 48])

    const ours = client.final()
    const theirs = server.final()
    t.alike(ours.hash, theirs.hash)
    t.alike([ours.rx, ours.tx], [theirs.tx, theirs.rx])
    t.alike(ours.holepunchSecret, theirs.holepunchSecret)
    t.alike(Object.keys(ours), Object.keys(theirs))
    // each end expects the id that the reference gives to the other direction
    const expected = new Reference(keyPairs.client, keyPairs.server.publicKey)
    expected.handshake = { complete: true, hash: ours.hash, rx: ours.rx, tx: ours.tx }
    t.alike(ours, { ...expected.final(), remotePublicKey: ours.remotePublicKey })
    expected.isInitiator = false
    t.alike(theirs.remoteId, expected.final().remoteId)
  })
}

function payload(id) {
  return {
    error: 0,
    firewall: 0,
    holepunch: null,
    addresses4: [],
    addresses6: [],
    udx: { reusableSocket: false, id, seq: 0 },
    secretStream: {},
    relayThrough: null
  }
}

/** Bytes of the payload above: version, flags, error, firewall, udx, secret stream. */
const LENGTH = 4 + 4 + 1
