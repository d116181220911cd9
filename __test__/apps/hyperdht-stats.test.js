// hyperdht-stats: the statistics of a node, as an object, as text and as metrics of Prometheus.

const test = require('brittle')
const { Apps, implementations, install, named, pairs } = require('./helpers/apps')

const BYTES = 4 * 1024 * 1024

install()

for (const pair of pairs) {
  test(`a transfer: ${named(pair)}`, { timeout: 60_000 }, async t => {
    const apps = await Apps.start(t)
    const server = await apps.program('hyperdht-stats', pair.server)
    const client = await apps.program('hyperdht-stats', pair.client)
    const { bootstrap } = apps

    const { publicKey } = await server.call('listen', { bootstrap, bytes: BYTES })
    const result = await client.call('connect', { bootstrap, publicKey, bytes: BYTES })
    const { error, during, after } = result
    t.is(error, null)
    t.is(during.streams, 1, 'the stream of the connection')
    t.is(after.streams, 0)
    for (const counted of [after, (await server.call('show')).json]) {
      for (const direction of ['Transmitted', 'Received']) {
        const bytes = counted['udxBytes' + direction]
        t.ok(bytes > BYTES && bytes < 3 * BYTES, `${bytes} bytes, ${direction}`)
        t.ok(counted['udxPackets' + direction] > BYTES / MTU)
      }
      t.ok(counted.queries.total > 0 && counted.requests.responses > 0)
      t.ok(counted.nrNodes > 0 && counted.nrUniqueNodeIPs === 1)
    }
  })
}

test('each implementation shows the same', { timeout: 60_000 }, async t => {
  const apps = await Apps.start(t)
  const shown = await Promise.all(
    implementations.map(async implementation => {
      const child = await apps.program('hyperdht-stats', implementation)
      await child.call('listen', { bootstrap: apps.bootstrap, bytes: 0 })
      const { json, text } = await child.call('show')
      return { json: types(json), text: text.replace(/: .*/g, '') }
    })
  )
  for (const { json, text } of shown) {
    t.alike(json, shown[0].json)
    t.is(text, shown[0].text)
    t.absent(/undefined|NaN/.test(text))
  }
})

test('metrics of Prometheus', { timeout: 60_000 }, async t => {
  const apps = await Apps.start(t)
  const shown = await Promise.all(
    implementations.map(async implementation => {
      const child = await apps.program('hyperdht-stats', implementation, 'node')
      await child.call('listen', { bootstrap: apps.bootstrap, bytes: 0 })
      const metrics = await child.call('metrics')
      return metrics.replace(/^(\w+).*/gm, '$1').replace(/^# .*\n/gm, '')
    })
  )
  t.ok(shown[0].includes('dht_streams'))
  for (const names of shown) t.is(names, shown[0])
})

/** The shape of a value: its keys, and what kind of value each of them has. */
function types(value) {
  if (value === null || typeof value !== 'object') return typeof value
  const entries = Object.entries(value).map(([key, each]) => [key, types(each)])
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** No packet is larger. */
const MTU = 1500
