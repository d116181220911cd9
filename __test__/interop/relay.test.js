// (relay) x (server) x (client): 8 MiB each way through a blind relay, in separate processes; 64 MiB
// through the relay of a client in the long tests. Both ends confirm that they have all data, before
// either ends: a client of the reference that ends at once loses what is on its way through the
// relay.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')
const { process } = require('../helpers/runtime')

const MIB = 1024 * 1024

/** Each way, through the relay of a client or of a server. */
const AMOUNTS = { client: (process.env.HYPERDHT_LONG ? 64 : 8) * MIB, server: 8 * MIB }

/** So much that the direct path is found meanwhile. */
const LONG = 128 * MIB

/** The module blind-relay on the reference, the same on ours, and our own. */
const RELAYS = [
  { relay: 'the module on the reference', implementation: 'reference' },
  { relay: 'the module on ours', implementation: 'native', npm: true },
  { relay: 'our own', implementation: 'native' }
]

const relays = plan.ours === 'reference' ? RELAYS.slice(0, 1) : RELAYS

for (const { relay, implementation, npm } of relays) {
  for (const { server, client } of plan.pairs(implementation)) {
    const isOurs = [implementation, server, client].includes(plan.ours)
    if (!isOurs) continue

    for (const [side, bytes] of Object.entries(AMOUNTS)) {
      const name = `relay of the ${side}: ${relay}, server ${server}, client ${client}`

      test(`${name}, ours in ${plan.runtime}`, { timeout: 120_000 }, async t => {
        const world = await World.create('reference', plan.runtime)
        t.teardown(() => world.destroy())
        const child = await world.spawn('relay', implementation, plan.runtime)
        const { publicKey } = await child.call('listen', { bootstrap: world.bootstrap, npm })

        const relayOf = which => (which === side ? publicKey : undefined)
        const options = which => ({ apart: true, confirms: true, relay: relayOf(which) })
        const result = await connectPair(world, {
          server,
          client,
          runtime: plan.runtime,
          bytes,
          // a node that knows that it is not firewalled needs no relay
          dhtOptions: { quickFirewall: false },
          serverOptions: options('server'),
          clientOptions: options('client')
        })
        checkExchange(t, result, bytes)
        const { pairings } = await child.call('stats')
        t.is(pairings.matched, 1, 'the relay has paired them')
      })
    }
  }
}

for (const { server, client } of plan.pairs('reference')) {
  if (server === 'reference' && client === 'reference') continue

  const name = `a relay beside a direct path, server ${server}, client ${client}`

  test(`${name}, ours in ${plan.runtime}`, { timeout: 120_000 }, async t => {
    const world = await World.create('reference', plan.runtime)
    t.teardown(() => world.destroy())
    const child = await world.spawn('relay', 'native', plan.runtime)
    const { publicKey } = await child.call('listen', { bootstrap: world.bootstrap })

    const options = { confirms: true, shareLocalAddress: false, localConnection: false }
    const result = await connectPair(world, {
      server,
      client,
      runtime: plan.runtime,
      bytes: LONG,
      dhtOptions: { quickFirewall: false },
      serverOptions: options,
      clientOptions: { ...options, fastOpen: false, relay: publicKey }
    })
    checkExchange(t, result, LONG)
    const { bytes } = await child.call('stats')
    t.ok(bytes < LONG, `${bytes} bytes went through the relay`)
  })
}
