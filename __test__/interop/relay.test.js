// (relay) x (server) x (client): 8 MiB each way through a blind relay, in separate processes.
//
// The reference is never at both ends: without packets in flight on a direct path its own pair
// sometimes stalls in a relay of either kind, so that such a cell would say nothing about ours.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

const relays = plan.ours === 'reference' ? ['reference'] : ['reference', 'native']

for (const relay of relays) {
  for (const { server, client } of plan.pairs('reference')) {
    if (server === 'reference' && client === 'reference') continue

    for (const side of ['client', 'server']) {
      const name = `relay ${relay} of the ${side}, server ${server}, client ${client}`

      test(`${name}, ours in ${plan.runtime}`, { timeout: 60_000 }, async t => {
        const world = await World.create('reference', plan.runtime)
        t.teardown(() => world.destroy())
        const child = await world.spawn('relay', relay, plan.runtime)
        const { publicKey } = await child.call('listen', { bootstrap: world.bootstrap })

        const options = which => ({ apart: true, relay: which === side ? publicKey : undefined })
        const result = await connectPair(world, {
          server,
          client,
          runtime: plan.runtime,
          // a node that knows that it is not firewalled needs no relay
          dhtOptions: { quickFirewall: false },
          serverOptions: options('server'),
          clientOptions: options('client')
        })
        checkExchange(t, result)
        const { pairings } = await child.call('stats')
        t.is(pairings.matched, 1, 'the relay has paired them')
      })
    }
  }
}
