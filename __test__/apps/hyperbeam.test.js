// Hyperbeam: a pipe between two terminals.

const test = require('brittle')
const { Apps, install, named, pairs } = require('./helpers/apps')
const piped = require('./helpers/piped')

const BYTES = 8 * 1024 * 1024

install()

for (const pair of pairs) {
  test(`${BYTES} bytes each way: ${named(pair)}`, { timeout: 120_000 }, async t => {
    const apps = await Apps.start(t)
    const listening = await apps.command('hyperbeam/bin.js', pair.server, [])
    const [, phrase] = await listening.prints(/Run hyperbeam (\w+) to connect/)
    await listening.prints(/Joined the DHT/)
    const connecting = await apps.command('hyperbeam/bin.js', pair.client, [phrase])

    const ends = [listening, connecting].map(app => piped(app, BYTES, { confirms: true }))
    const [one, other] = await Promise.all(ends)
    t.alike([one.error, other.error], [null, null])
    t.alike([one.receivedBytes, other.receivedBytes], [BYTES, BYTES])
    t.is(one.received, other.sent)
    t.is(other.received, one.sent)
  })
}
