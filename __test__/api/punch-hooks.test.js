// The arguments of the `holepunch` hooks of a client and of a server.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { closed, once, testnet } = require('../helpers/fixtures')
const busyFor = require('../helpers/busy')

const HOST = '127.0.0.1'

test('both ends are asked, with what is known of the addresses', async t => {
  const net = await testnet(t, 10)
  const asked = { server: [], client: [] }

  const serverDht = await firewalled(t, net)
  const server = serverDht.createServer({
    shareLocalAddress: false,
    holepunch(...question) {
      asked.server.push(question)
      return true
    }
  })
  await server.listen(DHT.keyPair())
  server.on('connection', stream => stream.on('error', noop))

  const clientDht = await firewalled(t, net)
  const stream = clientDht.connect(server.publicKey, {
    localConnection: false,
    fastOpen: false,
    holepunch(...question) {
      asked.client.push(question)
      return true
    }
  })
  stream.on('error', noop)
  await stream.opened
  stream.destroy()
  await closed(stream)

  t.is(stream.isInitiator, true)
  t.ok(asked.client.length > 0, 'the client is asked')
  t.ok(asked.server.length > 0, 'the server is asked')
  for (const [end, questions] of Object.entries(asked)) {
    const [remoteFirewall, localFirewall, remote, local] = questions[0]
    t.is(remoteFirewall, DHT.FIREWALL.CONSISTENT, `${end}: the peer's NAT`)
    t.is(localFirewall, DHT.FIREWALL.CONSISTENT, `${end}: its own NAT`)

    t.is(remote.length, 1)
    t.alike(Object.keys(remote[0]).sort(), ['host', 'port', 'verified'])
    t.is(remote[0].host, HOST)
    t.is(typeof remote[0].verified, 'boolean')

    t.is(local.length, 1)
    t.alike(Object.keys(local[0]).sort(), ['hits', 'host', 'port'])
    t.is(local[0].host, HOST)
    t.ok(local[0].hits >= 3, `${end}: ${local[0].hits} nodes saw it`)
  }
  t.is(asked.server[0][2][0].port, asked.client[0][3][0].port)
  t.is(asked.client[0][2][0].port, asked.server[0][3][0].port)
  t.is(asked.server[0][2][0].verified, true, 'the client has echoed a token')
})

test('a hook of a server that is set while a client punches', { timeout: 60_000 }, async t => {
  const net = await testnet(t, 10)
  const dhts = await Promise.all([firewalled(t, net), firewalled(t, net)])
  for (const verdict of [false, true]) {
    const { asked, connected, opened } = await punchWhileBusy(dhts, verdict)
    t.is(connected, verdict)
    t.ok(asked > 0, 'it was asked')
    if (verdict) t.is(opened, true)
  }
})

async function punchWhileBusy([serverDht, clientDht], verdict) {
  const result = { asked: 0, connected: false, opened: null }
  const server = serverDht.createServer({ shareLocalAddress: false })
  server.on('connection', stream => {
    result.connected = true
    stream.on('error', noop)
  })
  const connection = once(server, 'connection')
  await server.listen(DHT.keyPair())

  const options = { localConnection: false, fastOpen: false }
  const stream = clientDht.connect(server.publicKey, options)
  const ended = closed(stream)
  busyFor(PUNCHED)
  server.holepunch = () => {
    result.asked++
    return verdict
  }
  await Promise.race([connection, ended])
  result.opened = await stream.opened
  stream.destroy()
  await ended
  await server.close()
  return result
}

/** A node that has not found out that it is reachable. */
async function firewalled(t, net) {
  const dht = new DHT({ bootstrap: net.bootstrap, host: HOST, quickFirewall: false })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  t.is(dht.firewalled, true)
  return dht
}

/**
 * Longer than a client on the same host needs to punch. The outcome is the same if it needs longer.
 */
const PUNCHED = 3000

function noop() {}
