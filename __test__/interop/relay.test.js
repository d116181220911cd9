// (relay) x (server) x (client): 8 MiB each way through a blind relay, in separate processes.
//
// The reference is never at both ends: such a pair fails in two of three runs by itself, because its
// client ends its stream while the last data are on their way through the relay. For the same
// reason both ends confirm that they have all data, before either ends.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

/** So much that the direct path is found meanwhile. */
const LONG = 128 * 1024 * 1024

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

        const relayOf = which => (which === side ? publicKey : undefined)
        const options = which => ({ apart: true, confirms: true, relay: relayOf(which) })
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
