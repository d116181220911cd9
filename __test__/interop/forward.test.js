// Our nodes forward handshakes and punches between two peers of the reference that know only our
// nodes.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

test('nodes forward handshakes and punches of strangers', { timeout: 60_000 }, async t => {
  const world = await World.create(plan.ours, plan.runtime)
  t.teardown(() => world.destroy())

  // Firewalled peers without the early probe must punch, round by round, through the nodes.
  const result = await connectPair(world, {
    server: 'reference',
    client: 'reference',
    runtime: plan.runtime,
    dhtOptions: { quickFirewall: false },
    serverOptions: { shareLocalAddress: false },
    clientOptions: { localConnection: false, fastOpen: false }
  })
  checkExchange(t, result)

  const punches = await result.clientChild.call('punches')
  t.is(punches.consistent, 1, 'the client punched through rounds that the nodes forwarded')
})
