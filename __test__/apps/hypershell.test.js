// Hypershell: a remote command, files copied both ways, a tunnel, a key that is not allowed.

const test = require('brittle')
const crypto = require('crypto')
const fs = require('fs')
const path = require('path')
const { Apps, install, named, pairs, temporary } = require('./helpers/apps')
const { freePort, service, transfer } = require('./helpers/tcp')

const TIMEOUT = { timeout: 120_000 }
const BYTES = 4 * 1024 * 1024

install()

for (const pair of pairs) {
  test(`a remote command: ${named(pair)}`, TIMEOUT, async t => {
    const { run } = await shell(t, pair)
    const command = 'echo "the sum is $((40 + 2))"; read line; exit 7'
    const client = await run('client', ['--', 'sh', '-c', command])
    await client.prints(/the sum is 42/)
    client.stdin.write('\n')
    t.is((await client.exited).code, 7)
  })

  test(`hypershell-copy: ${named(pair)}`, TIMEOUT, async t => {
    const { key, folder, run } = await shell(t, pair)
    const [here, there, back] = ['here', 'there', 'back'].map(name => path.join(folder, name))
    const content = crypto.randomBytes(BYTES)
    fs.writeFileSync(here, content)

    const upload = await run('copy', [here, `${key}:${there}`])
    t.is((await upload.exited).code, 0, upload.output)
    t.ok(fs.readFileSync(there).equals(content), 'uploaded')
    const download = await run('copy', [`${key}:${there}`, back])
    t.is((await download.exited).code, 0, download.output)
    t.ok(fs.readFileSync(back).equals(content), 'downloaded')
  })

  test(`a tunnel: ${named(pair)}`, TIMEOUT, async t => {
    const { run } = await shell(t, pair)
    const target = await service(t, BYTES)
    const port = await freePort()
    const client = await run('client', ['-L', `127.0.0.1:${port}:127.0.0.1:${target.port}`])
    await client.prints(/Tunnel on TCP/)
    for (let i = 0; i < 3; i++) await transfer(t, port, target, BYTES)
  })

  test(`a stranger: ${named(pair)}`, TIMEOUT, async t => {
    const { folder, run, server } = await shell(t, pair)
    const client = await run('client', ['--', 'echo', 'hello'], path.join(folder, 'stranger'))
    await server.prints(/Firewall denied/)
    t.is((await client.exited).code, 1)
    t.absent(/hello/.test(client.output))
  })
}

/** A server, and what runs a command of the client against it. */
async function shell(t, pair) {
  const apps = await Apps.start(t)
  const folder = temporary(t)
  const [serverKey, clientKey, firewall] = ['server', 'client', 'firewall'].map(name => {
    return path.join(folder, name)
  })
  const keygen = await apps.command('hypershell/bin/keygen.js', pair.client, ['-f', clientKey])
  const [, allowed] = await keygen.prints(/public key is:\s+(\w{52})/)
  fs.writeFileSync(firewall, allowed + '\n')

  const args = ['-f', serverKey, '--firewall', firewall]
  const server = await apps.command('hypershell/bin/server.js', pair.server, args)
  const [, key] = await server.prints(/^hypershell (\w{52})$/m)
  return { key, folder, server, run }

  /** The first argument of the client is the key; what copies has it in its paths. */
  function run(name, args, keyFile = clientKey) {
    const to = name === 'client' ? [key] : []
    const flags = ['-f', keyFile]
    return apps.command(`hypershell/bin/${name}.js`, pair.client, [...to, ...flags, ...args])
  }
}
