// Hypertele: a TCP service behind hypertele-server, reached through hypertele.

const test = require('brittle')
const { Apps, install, isLong, named, pairs } = require('./helpers/apps')
const { seed, service, transfer } = require('./helpers/tcp')

const BYTES = (isLong ? 100 : 10) * 1000 * 1000

install()

for (const pair of pairs) {
  test(`${BYTES} bytes each way: ${named(pair)}`, { timeout: 240_000 }, async t => {
    const apps = await Apps.start(t)
    const target = await service(t, BYTES)
    const port = await tunnel(apps, pair, target.port)
    await transfer(t, port, target, BYTES)
  })

  test(`--private: ${named(pair)}`, { timeout: 60_000 }, async t => {
    const apps = await Apps.start(t)
    const target = await service(t, FEW)
    const port = await tunnel(apps, pair, target.port, { isPrivate: true })
    await transfer(t, port, target, FEW)
  })
}

/** Resolves with the port of the near end. */
async function tunnel(apps, { server, client }, port, { isPrivate = false } = {}) {
  const secret = seed()
  const flags = ['--bootstrap', apps.bootstrap[0].port, ...(isPrivate ? ['--private'] : [])]
  const far = await apps.command('hypertele/server.js', server, [
    '-l',
    port,
    '--seed',
    secret,
    ...flags
  ])
  const [, key] = await far.prints(isPrivate ? /connect with seed (\w{64})/ : /hypertele: (\w{64})/)
  const near = await apps.command('hypertele/client.js', client, ['-p', 0, '-s', key, ...flags])
  const [, nearPort] = await near.prints(/Server ready @127\.0\.0\.1:(\d+)/)
  return nearPort
}

const FEW = 100_000
