// reusableSocket between our node and the reference's: connections share a socket at both ends.

const test = require('brittle')
const DHT = require('../..')
const Reference = require('hyperdht-reference')
const createTestnet = require('hyperdht-reference/testnet')
const { once } = require('../helpers/fixtures')

for (const [Client, Server, title] of [
  [DHT, Reference, 'our client, their server'],
  [Reference, DHT, 'their client, our server']
]) {
  test(`${title}`, async t => {
    const net = await createTestnet(4, t.teardown)
    const options = { bootstrap: net.bootstrap, host: '127.0.0.1', quickFirewall: false }
    const [client, dht] = [new Client(options), new Server(options)]
    for (const each of [client, dht]) {
      t.teardown(() => each.destroy())
      await each.fullyBootstrapped()
    }
    const server = dht.createServer({ reusableSocket: true, shareLocalAddress: false })
    await server.listen()

    const sockets = { client: new Set(), server: new Set() }
    for (let i = 0; i < 20; i++) {
      const connection = once(server, 'connection')
      const opts = { reusableSocket: true, localConnection: false }
      const stream = client.connect(server.publicKey, opts).on('error', noop)
      const accepted = (await connection).on('error', noop)
      if (!(await stream.opened)) t.fail('it does not open')
      sockets.client.add(stream.rawStream.socket)
      sockets.server.add(accepted.rawStream.socket)
    }
    t.alike([sockets.client.size, sockets.server.size], [1, 1])
  })
}

function noop() {}
