// Hyperssh: OpenSSH to a server behind hypertele-server, as its README says. The SSH server is
// npm's ssh2, in this process.

const test = require('brittle')
const { spawn, spawnSync } = require('child_process')
const crypto = require('crypto')
const { Apps, install, named, pairs } = require('./helpers/apps')
const piped = require('./helpers/piped')
const { seed } = require('./helpers/tcp')

const BYTES = 4 * 1024 * 1024

const hasSsh = spawnSync('ssh', ['-V']).status === 0

install()

for (const pair of pairs) {
  const title = `${BYTES} bytes through a remote cat: ${named(pair)}`

  test(title, { timeout: 120_000, skip: !hasSsh }, async t => {
    const apps = await Apps.start(t)
    const port = await sshServer(t, await apps.require('reference', 'ssh2'))
    const flags = ['-l', port, '--seed', seed(), '--bootstrap', apps.bootstrap[0].port]
    const server = await apps.command('hypertele/server.js', pair.server, flags)
    const [, key] = await server.prints(/hypertele: (\w{64})/)

    const args = ['-s', key, '-u', 'user', '-e', 'cat']
    const client = await apps.command('hyperssh/client.js', pair.client, args)
    const { error, sent, received, receivedBytes } = await piped(client, BYTES)
    t.is(error, null)
    t.is(receivedBytes, BYTES)
    t.is(received, sent)
    t.is((await client.exited).code, 0)
  })
}

/** A server that lets everybody in and runs their commands; resolves with its port. */
async function sshServer(t, { Server }) {
  const hostKey = crypto.generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' }
  })
  const server = new Server({ hostKeys: [hostKey.privateKey] }, client => {
    client.on('error', () => {})
    client.on('authentication', context => context.accept())
    client.on('session', accept => {
      accept().on('exec', (accept, _reject, { command }) => execute(accept(), command))
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return server.address().port
}

function execute(channel, command) {
  const child = spawn(command, { shell: true })
  channel.pipe(child.stdin)
  child.stdout.pipe(channel, { end: false })
  child.on('close', code => {
    channel.exit(code)
    channel.end()
  })
}
