// A peer that announces is found, whichever implementation announces, stores, or asks.

const test = require('brittle')
const b4a = require('b4a')
const { crypto } = require('../helpers/runtime')
const { World } = require('./world')
const plan = require('./plan')

const BYTES = 64 * 1024

for (const nodes of plan.nodeKinds) {
  for (const { server, client } of plan.pairs(nodes)) {
    const name = `findPeer and lookup: nodes ${nodes}, server ${server}, client ${client}`

    test(name, { timeout: 60_000 }, async t => {
      const world = await World.create(nodes, plan.runtime)
      t.teardown(() => world.destroy())
      const { bootstrap } = world
      const topic = b4a.toString(crypto.randomBytes(32), 'hex')

      const serverChild = await world.spawn('server', server, plan.runtime)
      const clientChild = await world.spawn('client', client, plan.runtime)
      const { publicKey } = await serverChild.call('listen', { bootstrap, bytes: BYTES })
      await clientChild.call('start', { bootstrap })

      t.alike(await clientChild.call('findPeer', { publicKey }), [publicKey], 'findPeer')

      const announced = await serverChild.call('announce', { topic })
      const found = await clientChild.call('lookup', { topic })
      t.alike(found, [announced.publicKey], 'lookup of the topic')

      await serverChild.call('listenDefault', { bytes: BYTES })
      const report = await clientChild.call('connect', { publicKey: found[0], bytes: BYTES })
      t.is(report.error, null, 'connects to the key that the lookup gave')
      t.is(report.receivedBytes, BYTES)
    })
  }
}
