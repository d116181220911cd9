// protomux-rpc.

const test = require('brittle')
const { Apps, install, named, pairs } = require('./helpers/apps')

const REQUESTS = 1000

install()

for (const pair of pairs) {
  test(`${REQUESTS} requests: ${named(pair)}`, { timeout: 120_000 }, async t => {
    const apps = await Apps.start(t)
    const server = await apps.program('protomux-rpc', pair.server)
    const client = await apps.program('protomux-rpc', pair.client)
    const { bootstrap } = apps

    const { publicKey } = await server.call('listen', { bootstrap })
    const closed = server.next('closed')
    t.is(await client.call('ask', { bootstrap, publicKey, requests: REQUESTS }), REQUESTS)
    await closed
    for (const child of [client, server]) await child.call('destroy')
  })
}
