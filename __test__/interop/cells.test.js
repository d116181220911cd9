// (DHT nodes) x (server) x (client): 8 MiB each way in separate processes, then a clean end.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

for (const nodes of plan.nodeKinds) {
  for (const { server, client } of plan.pairs(nodes)) {
    const name = `nodes ${nodes}, server ${server}, client ${client}, ours in ${plan.runtime}`

    test(name, { timeout: 60_000 }, async t => {
      const world = await World.create(nodes, plan.runtime)
      t.teardown(() => world.destroy())

      const result = await connectPair(world, { server, client, runtime: plan.runtime })
      checkExchange(t, result)
    })
  }
}
