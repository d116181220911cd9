// Blind relays: npm's server on ours and on the reference, and our own relay. A pair that has no
// other way moves data both ways through each of them. The reference at both ends fails by itself
// in two of three runs (interop/relay.test.js).

const test = require('brittle')
const crypto = require('crypto')
const { connectPair, checkExchange } = require('../interop/world')
const {
  Apps,
  implementations,
  install,
  isLong,
  named,
  ours,
  pairs,
  runtime
} = require('./helpers/apps')

const TIMEOUT = { timeout: 300_000 }
const BYTES = (isLong ? 64 : 8) * 1024 * 1024

install()

for (const relay of relays()) {
  for (const pair of pairs) {
    if (pair.server === 'reference' && pair.client === 'reference') continue

    test(`${relay.name}: ${named(pair)}`, TIMEOUT, async t => {
      const apps = await Apps.start(t)
      const child = await relay.start(apps)
      const { publicKey } = await child.call('listen', { bootstrap: apps.bootstrap })

      const result = await connectPair(apps, {
        ...pair,
        runtime,
        bytes: BYTES,
        // a node that knows that it is not firewalled needs no relay
        dhtOptions: { quickFirewall: false },
        serverOptions: { apart: true, confirms: true },
        clientOptions: { apart: true, confirms: true, relay: publicKey }
      })
      checkExchange(t, result, BYTES)
      const { pairings } = await child.call('stats')
      t.is(pairings.matched, 1, 'the relay has paired them')
    })
  }
}

for (const pair of pairs) {
  test(`npm's client at both ends: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const relay = await apps.program('blind-relay', ours)
    const { publicKey } = await relay.call('listen', { bootstrap: apps.bootstrap })
    const token = crypto.randomBytes(32).toString('hex')

    const [serverReport, clientReport] = await Promise.all(
      [pair.server, pair.client].map(async (implementation, i) => {
        const child = await apps.program('blind-relay', implementation)
        const { bootstrap } = apps
        const isInitiator = i === 1
        return child.call('pair', { bootstrap, relay: publicKey, token, isInitiator, bytes: BYTES })
      })
    )
    t.alike([serverReport.error, clientReport.error], [null, null])
    t.is(clientReport.receivedBytes, BYTES)
    t.is(clientReport.received, serverReport.sent, 'hash of server to client')
    t.is(serverReport.received, clientReport.sent, 'hash of client to server')
  })
}

/** What starts each relay: a program that listens and tells its key. */
function relays() {
  const npm = implementations.map(implementation => ({
    name: `npm's server on ${implementation}`,
    start: apps => apps.program('blind-relay', implementation)
  }))
  if (ours === 'reference') return npm
  return [...npm, { name: 'our own relay', start: apps => apps.spawn('relay', 'native', runtime) }]
}
