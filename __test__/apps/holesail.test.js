// Holesail: a TCP and a UDP service, by its command as a server and as a client. This version of it
// needs modules that only Bare can load: the reference runs there, too.

const test = require('brittle')
const dgram = require('dgram')
const { once } = require('events')
const { Apps, install, isLong, named, pairs } = require('./helpers/apps')
const { freePort, seed, service, transfer } = require('./helpers/tcp')

const TIMEOUT = { timeout: 120_000 }
const BYTES = (isLong ? 32 : 8) * 1024 * 1024
const DATAGRAMS = 100

install()

for (const pair of pairs) {
  test(`TCP: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const target = await service(t, BYTES)
    const port = await tunnel(apps, pair, target.port, [])
    await transfer(t, port, target, BYTES)
  })

  test(`UDP: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const echo = await udpSocket(t)
    echo.on('message', (data, from) => echo.send(data, from.port, from.address))
    const port = await tunnel(apps, pair, echo.address().port, ['--udp'])

    const socket = await udpSocket(t)
    for (let i = 0; i < DATAGRAMS; i++) {
      socket.send(`datagram ${i}`, port, '127.0.0.1')
      const [data] = await once(socket, 'message')
      if (data.toString() !== `datagram ${i}`) return t.fail(data.toString())
    }
    t.pass(`${DATAGRAMS} datagrams come back`)
  })
}

/** Resolves with the port of the near end. */
async function tunnel(apps, { server, client }, port, flags) {
  const key = seed()
  const near = await freePort()
  const far = ['--live', port, '--host', '127.0.0.1', '--key', key, '--log', 1, ...flags]
  const listening = await apps.command(COMMAND, server, far, BARE)
  await Promise.all(
    [/Server listening on key/, /Server Started/].map(text => listening.prints(text))
  )
  const args = ['--connect', `hs://s000${key}`, '--host', '127.0.0.1', '--port', near, '--log', 1]
  const connected = await apps.command(COMMAND, client, [...args, ...flags], BARE)
  await connected.prints(/Proxy listening on/)
  return near
}

async function udpSocket(t) {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket
}

const COMMAND = 'holesail/src/bin/holesail.mjs'
const BARE = { runtime: 'bare' }
