// What the command of the reference does not have: help, a version, checks of arguments, SIGTERM.

const test = require('brittle')
const Command = require('../helpers/command')
const freePort = require('../helpers/free-port')
const { testnet } = require('../helpers/fixtures')
const { fs, path, process } = require('../helpers/runtime')
const { version } = require('../../package.json')

test('--help and -h', async t => {
  for (const flag of ['--help', '-h']) {
    const command = run(t, ['--nodes', '5', flag])
    t.is((await command.exited).code, 0)
    for (const name of [
      ...['--nodes', '--node', '--port', '--host', '--bootstrap', '--version'],
      ...['relay', '--key-file', '--max-pairings', '--max-rate']
    ]) {
      t.ok(command.lines.join('\n').includes(name), name)
    }
  }
})

test('--version', async t => {
  const command = run(t, ['--version'])
  t.is((await command.exited).code, 0)
  t.alike(command.lines, [`hyperdht-native ${version}`])
})

test('arguments that are none, and values that are wrong', async t => {
  const wrong = [
    ['--foo', 'Unknown argument: --foo'],
    ['--foo=3', 'Unknown argument: --foo=3'],
    ['-x', 'Unknown argument: -x'],
    ['start', 'Unknown argument: start'],
    ['--node=3', '--node takes no value'],
    ['--host', '--host needs a value'],
    ['--port --host 1.2.3.4', '--port needs a value'],
    ['--nodes=', '--nodes needs a value'],
    ['--port x', "--port must be a number from 0 to 65535, not 'x'"],
    ['--port 65536', "--port must be a number from 0 to 65535, not '65536'"],
    ['--port=1e3', "--port must be a number from 0 to 65535, not '1e3'"],
    ['--key-file x', '--key-file, --max-pairings and --max-rate are only valid for a relay'],
    ['relay --max-rate 0', "--max-rate must be a number from 1 on, not '0'"],
    ['--nodes 0', "--nodes must be a number from 1 on, not '0'"],
    ['--nodes 2.5', "--nodes must be a number from 1 on, not '2.5'"],
    ['--host nowhere --bootstrap 127.0.0.1:1', "host must be an IPv4 address or '::'"]
  ]
  for (const [args, message] of wrong) {
    const command = run(t, args.split(' '))
    t.is((await command.exited).code, 1, args)
    t.is(command.stderr, `hyperdht: ${message}\n`)
  }
})

test('--flag=value is --flag value', async t => {
  const port = await freePort('0.0.0.0')
  const first = run(t, ['--bootstrap=', '--host=127.0.0.1', `--port=${port}`])
  await first.line('Fully started Hyperswarm DHT bootstrap node')

  const second = run(t, ['--nodes=2', '--host=127.0.0.1', `--bootstrap=127.0.0.1:${port}`])
  await second.line('Fully started 2 Hyperswarm DHT nodes')
})

test('relay', async t => {
  const net = await testnet(t)
  const bootstrap = net.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  const keyFile = path.join(__dirname, `relay-key-${process.pid}`)
  t.teardown(() => fs.unlinkSync(keyFile))
  const args = ['relay', '--host', '127.0.0.1', '--bootstrap', bootstrap, '--key-file', keyFile]

  const keys = []
  for (let i = 0; i < 2; i++) {
    const relay = run(t, args)
    keys.push(await relay.line('Relay public key: '))
    t.alike(await relay.stop('SIGTERM'), { code: 0, signal: null })
    t.is(relay.lines.at(-1), 'Relay closed')
  }
  t.is(keys[0], keys[1], 'the key is kept')
  t.is(keys[0].length, 'Relay public key: '.length + 64)
})

test('SIGTERM ends as SIGINT does', async t => {
  const port = await freePort('0.0.0.0')
  const first = run(t, ['--bootstrap', '--host', '127.0.0.1', '--port', `${port}`])
  await first.line('Fully started')
  const second = run(t, ['--host', '127.0.0.1', '--bootstrap', `127.0.0.1:${port}`])
  await second.line('Fully started')

  t.alike(await second.stop('SIGTERM'), { code: 0, signal: null })
  t.alike(second.lines.slice(-2), ['Shutting down nodes...', 'Node #0 closed'])

  t.alike(await first.stop('SIGTERM'), { code: 0, signal: null })
  t.is(first.lines.at(-1), 'Bootstrap node closed')
})

test('a signal while the nodes boot', async t => {
  const { bootstrap } = await testnet(t, 1)
  const args = ['--nodes', '10000', '--host', '127.0.0.1']
  const command = run(t, [...args, '--bootstrap', `127.0.0.1:${bootstrap[0].port}`])
  await command.line('Node #3 bound to')
  t.alike(await command.stop('SIGINT'), { code: 0, signal: null })
  t.is(command.stderr, '')
  t.ok(command.lines.includes('Shutting down nodes...'))
  t.ok(command.lines.includes('Node #3 closed'))
  t.absent(command.lines.some(line => line.startsWith('Fully started')))
})

function run(t, args) {
  const command = new Command(args)
  t.teardown(() => command.kill())
  return command
}
