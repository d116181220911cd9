// A key of another realm, which the reference refuses in one place.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, testnet, thrown } = require('../helpers/fixtures')
const { REALMS } = require('../helpers/realms')

for (const [name, foreign] of Object.entries(REALMS)) {
  test(`${name}: connect`, async t => {
    const net = await testnet(t)
    const server = (await node(t, net)).createServer(conn => conn.on('error', noop))
    await server.listen()
    const conn = (await node(t, net)).connect(foreign(server.publicKey))
    conn.on('error', noop)
    t.is(await conn.opened, true)
  })
}

test('what holds no bytes', t => {
  const { buffer } = new Uint8Array(32)
  for (const odd of [
    new Uint16Array(buffer),
    new Int8Array(buffer),
    new DataView(buffer),
    buffer
  ]) {
    t.is(thrown(() => DHT.hash(odd))?.message, 'input must be a typed array')
    t.is(thrown(() => DHT.keyPair(odd))?.message, 'seed must be a typed array')
  }
})

function noop() {}
