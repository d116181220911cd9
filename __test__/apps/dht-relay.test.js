// @hyperswarm/dht-relay: its command is the relay of a node without sockets, which connects to
// others and is connected to. Nobody finds what a node announces that keeps its secret key to itself,
// with a relay of the reference neither: such a node only connects to others here.

const test = require('brittle')
const crypto = require('crypto')
const { Apps, install, pairs, runtime } = require('./helpers/apps')

const TIMEOUT = { timeout: 120_000 }
const BYTES = 4 * 1024 * 1024

install()

for (const { server, client } of pairs) {
  const what = `relay ${server}, peer ${client}, ours in ${runtime}`

  for (const custodial of [true, false]) {
    const kind = custodial ? 'custodial' : 'not custodial'

    test(`connections, ${kind}: ${what}`, TIMEOUT, async t => {
      const { apps, node } = await relayed(t, server, custodial)
      const { bootstrap } = apps
      const listener = await apps.spawn('server', client, runtime)
      const { publicKey } = await listener.call('listen', { bootstrap, bytes: BYTES })
      const accepted = listener.next('report')
      const out = await node.call('connect', { publicKey, bytes: BYTES })
      same(t, out, await accepted)
      if (!custodial) return

      const served = await node.call('listen', { bytes: BYTES })
      const reported = node.next('report')
      const caller = await apps.spawn('client', client, runtime)
      await caller.call('start', { bootstrap })
      const called = await caller.call('connect', { ...served, bytes: BYTES })
      same(t, called, await reported)
    })
  }

  test(`a topic: ${what}`, TIMEOUT, async t => {
    const { apps, node } = await relayed(t, server, true)
    const topic = crypto.randomBytes(32).toString('hex')
    const { publicKey, found } = await node.call('announce', { topic })
    t.alike(found, [publicKey])

    const other = await apps.spawn('client', client, runtime)
    await other.call('start', { bootstrap: apps.bootstrap })
    t.alike(await other.call('lookup', { topic }), [publicKey])
  })
}

/** A node, and its relay on an implementation. */
async function relayed(t, implementation, custodial) {
  const apps = await Apps.start(t)
  const relay = await apps.command('@hyperswarm/dht-relay/bin.js', implementation, ['--port', '0'])
  const [, port] = await relay.prints(/on port (\d+)/)
  const node = await apps.program('dht-relay', implementation)
  await node.call('start', { port, custodial })
  return { apps, node }
}

function same(t, one, other) {
  t.alike([one.error, other.error], [null, null])
  t.is(one.receivedBytes, BYTES)
  t.is(one.received, other.sent)
  t.is(other.received, one.sent)
}
