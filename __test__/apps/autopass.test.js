// Autopass: a member invites another (blind-pairing), and each gets what the other writes.

const test = require('brittle')
const { Apps, install, named, pairs, temporary } = require('./helpers/apps')

install()

for (const pair of pairs) {
  test(`an invitation: ${named(pair)}`, { timeout: 120_000 }, async t => {
    const apps = await Apps.start(t)
    const first = await apps.program('autopass', pair.server)
    const second = await apps.program('autopass', pair.client)
    const { bootstrap } = apps

    const invite = await first.call('create', { bootstrap, folder: temporary(t) })
    await second.call('join', { bootstrap, folder: temporary(t), invite })
    t.pass('the second member is let in')

    await first.call('add', { key: 'mail', value: 'of the first' })
    t.is(await second.call('get', { key: 'mail' }), 'of the first')
    await second.call('add', { key: 'bank', value: 'of the second' })
    t.is(await first.call('get', { key: 'bank' }), 'of the second')
    for (const child of [second, first]) await child.call('destroy')
  })
}
