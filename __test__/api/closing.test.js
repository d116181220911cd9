// If the stream of a client opens, the server emits 'connection' for it, also if the server's
// program closes, suspends or destroys something meanwhile.

const test = require('brittle')
const busyFor = require('../helpers/busy')
const { DHT } = require('../helpers/implementation')
const { node, testnet, once, closed } = require('../helpers/fixtures')

test('a server that is closed while JavaScript is busy', async t => {
  await keepsPromises(t, { rounds: 100 }, (_, server) => server.close())
})

test('a server that is suspended while JavaScript is busy', async t => {
  await keepsPromises(t, { rounds: 100 }, (_, server) => server.suspend())
})

test('a node that is destroyed while JavaScript is busy', async t => {
  await keepsPromises(t, { rounds: 20, ownNode: true }, dht => dht.destroy())
})

test('a node that is destroyed by force while JavaScript is busy', async t => {
  await keepsPromises(t, { rounds: 20, ownNode: true }, dht => dht.destroy({ force: true }))
})

test('a node that is suspended while JavaScript is busy', async t => {
  await keepsPromises(t, { rounds: 20, ownNode: true }, async dht => {
    await dht.suspend()
    await dht.resume()
  })
})

async function keepsPromises(t, { rounds, ownNode = false }, act) {
  const net = await testnet(t)
  const [shared, client] = await Promise.all([node(t, net), node(t, net)])
  const fates = []

  for (let i = 0; i < rounds; i++) {
    const dht = ownNode ? await node(t, net) : shared
    const server = dht.createServer(conn => conn.on('error', noop))
    const connection = once(server, 'connection')
    await server.listen(DHT.keyPair())

    const conn = client.connect(server.publicKey)
    const ended = closed(conn)
    busyFor(i % 8)
    await act(dht, server)
    fates.push(isKept(conn.opened, connection, ended))
  }
  const kept = await Promise.all(fates)
  t.is(kept.filter(Boolean).length, rounds)
}

// False if a client has opened and ended, and the server has not emitted 'connection' for it.
async function isKept(opened, connection, ended) {
  if (!(await opened)) return true
  return Promise.race([connection.then(() => true), ended.then(() => false)])
}

function noop() {}
