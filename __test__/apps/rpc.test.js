// @hyperswarm/rpc.

const test = require('brittle')
const { Apps, install, named, pairs } = require('./helpers/apps')

const REQUESTS = 1000

install()

for (const pair of pairs) {
  test(`${REQUESTS} requests: ${named(pair)}`, { timeout: 120_000 }, async t => {
    const apps = await Apps.start(t)
    const server = await apps.program('rpc', pair.server)
    const client = await apps.program('rpc', pair.client)
    const { bootstrap } = apps

    const { publicKey } = await server.call('listen', { bootstrap })
    const event = server.next('event')
    const answers = await client.call('ask', { bootstrap, publicKey, requests: REQUESTS })
    t.alike(answers, { right: REQUESTS, failure: 'no answer' })
    t.is(await event, 'told')
    t.is(await client.call('end', { publicKey }), 'cba')
    for (const child of [client, server]) await child.call('destroy')
  })
}
