// Peers that listen and connect in the tick in which their node is made, as the documentation's
// apps do: bootstrap and the firewall check run meanwhile.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

for (const nodes of plan.nodeKinds) {
  for (const { server, client } of pairs(nodes)) {
    const name = `at once: nodes ${nodes}, server ${server}, client ${client}`

    test(name, { timeout: 60_000 }, async t => {
      const world = await World.create(nodes, plan.runtime)
      t.teardown(() => world.destroy())

      const cell = { server, client, runtime: plan.runtime, atOnce: true }
      checkExchange(t, await connectPair(world, cell))
    })
  }
}

/** The reference alone may fail: see docs/TESTING.md. */
function pairs(nodes) {
  return plan.pairs(nodes).filter(({ server, client }) => [server, client].includes('native'))
}
