// A random punch that has to wait at the server, while the connection is at a blind relay: the
// server keeps it, and the client asks again. One end is the reference behind a random NAT. In the
// long tests the punch takes place at last, unless the client is the reference: it does not prove
// the server's address when it asks again, and fails then.

const test = require('brittle')
const { process } = require('../helpers/runtime')
const { World } = require('./world')
const plan = require('./plan')

/** Milliseconds, one way. */
const DELAY = 80

/** The analysis of a NAT skips five nodes and asks four. */
const NODES = 16

const isLong = !!process.env.HYPERDHT_LONG

const pairs = [
  { server: plan.ours, client: 'reference', far: 'client' },
  { server: 'reference', client: plan.ours, far: 'server' }
]

for (const { server, client, far } of pairs) {
  const name = `server ${server}, client ${client}, ours in ${plan.runtime}`

  test(`a punch that has to wait: ${name}`, { timeout: 180_000 }, async t => {
    const world = new World()
    t.teardown(() => world.destroy())
    const { bootstrap, relay } = await network(world)
    const there = await world.spawn('patient', server, plan.runtime)
    const here = await world.spawn('patient', client, plan.runtime)
    const delayOf = side => (side === far ? DELAY : 0)
    // the first random punch has to wait for this long
    const dhtOptions = { randomPunchInterval: isLong ? 12_000 : 60_000, deferRandomPunch: true }
    await there.call('start', { bootstrap, dhtOptions, delay: delayOf('server') })
    await here.call('start', { bootstrap, delay: delayOf('client') })

    const { publicKey } = await there.call('listen', { options: { shareLocalAddress: false } })
    await here.call('connect', { publicKey, options: { relay, localConnection: false } })
    t.is(await here.call('say', { text: 'through the relay' }), 'through the relay')
    await until(async () => (await there.call('punches')).tryLater > 0)
    const punches = await there.call('punches')
    t.is(punches.tryLaterRelayedHandshakesAtLeastOnce, 1)
    t.is(punches.random, 0)
    t.is(await here.call('say', { text: 'still there' }), 'still there')
    if (!isLong || client === 'reference') return

    await here.call('moved')
    t.is(await here.call('say', { text: 'directly' }), 'directly')
    const later = await there.call('punches')
    t.is(later.random, 1)
    t.is(later.tryLaterRelayedHandshakesAtLeastOnce, 1)
  })
}

/** Nodes that tell nobody that strangers reach it, and a relay that is reached. */
async function network(world) {
  const child = await world.spawn('node', 'reference', 'node')
  const options = { count: NODES, bootstrap: [], hidesFirewalls: true }
  const { bootstrap } = await child.call('start', options)
  const relaying = await world.spawn('relay', 'reference', 'node')
  const dhtOptions = { firewalled: false }
  const { publicKey } = await relaying.call('listen', { bootstrap, dhtOptions })
  return { bootstrap, relay: publicKey }
}

async function until(condition) {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 100))
}
