const test = require('brittle')
const Command = require('../helpers/command')
const freePort = require('../helpers/free-port')
const { DHT } = require('../helpers/implementation')
const { testnet } = require('../helpers/fixtures')

const HOST = '127.0.0.1'

test('one node, until SIGINT', async t => {
  const command = run(t, ['--host', HOST, '--bootstrap', await network(t)])
  await command.line('Fully started')
  t.alike(await command.stop('SIGINT'), { code: 0, signal: null })

  t.is(command.lines[0], 'Booting DHT nodes...')
  t.ok(/^Node #0 bound to { host: '127.0.0.1', family: 4, port: \d+ }$/.test(command.lines[1]))
  t.alike(command.lines.slice(2), [
    'Fully started 1 Hyperswarm DHT node',
    'Shutting down nodes...',
    'Node #0 closed'
  ])
  t.is(command.stderr, '')
})

test('many nodes', async t => {
  const command = run(t, ['--nodes', '3', '--host', HOST, '--bootstrap', await network(t)])
  await command.line('Fully started 3 Hyperswarm DHT nodes')
  t.is((await command.stop('SIGINT')).code, 0)

  for (const id of [0, 1, 2]) {
    t.ok(command.lines[1 + id].startsWith(`Node #${id} bound to { host: '127.0.0.1'`))
  }
  t.is(command.lines[5], 'Shutting down nodes...')
  t.alike(command.lines.slice(6).sort(), ['Node #0 closed', 'Node #1 closed', 'Node #2 closed'])
})

test('--node is one, whatever --nodes says', async t => {
  const bootstrap = await network(t)
  const command = run(t, ['--node', '--nodes', '3', '--host', HOST, '--bootstrap', bootstrap])
  await command.line('Fully started 1 Hyperswarm DHT node')
  t.is((await command.stop('SIGINT')).code, 0)
})

test('--port', async t => {
  const port = await freePort()
  const bootstrap = await network(t)
  const command = run(t, ['--port', `${port}`, '--host', HOST, '--bootstrap', bootstrap])
  await command.line('Fully started')

  const dht = new DHT({ bootstrap: [], host: HOST })
  t.teardown(() => dht.destroy())
  const { from } = await dht.ping({ host: HOST, port })
  t.is(from.port, port, 'the node answers there')

  t.is((await command.stop('SIGINT')).code, 0)
})

test('without --host all interfaces, two bootstrap nodes', async t => {
  const bootstrap = `${await network(t)},${await network(t)}`
  const command = run(t, ['--bootstrap', bootstrap])
  t.ok((await command.line('Node #0 bound to')).includes("{ host: '0.0.0.0', family: 4"))
  await command.line('Fully started')
  t.is((await command.stop('SIGINT')).code, 0)
})

test('--port is for a single node', async t => {
  const command = run(t, ['--port', '40000', '--nodes', '2', '--bootstrap', `${HOST}:1`])
  t.is((await command.exited).code, 1)
  t.ok(command.stderr.includes('--port is only valid when running a single node'))
})

test('a bootstrap node, until SIGINT', async t => {
  const port = await freePort('0.0.0.0')
  const command = run(t, ['--bootstrap', '--host', HOST, '--port', `${port}`])
  await command.line('Fully started')

  const dht = new DHT({ bootstrap: [{ host: HOST, port }], host: HOST, ephemeral: false })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  t.is(dht.host, HOST, 'a node joins by it')

  t.alike(await command.stop('SIGINT'), { code: 0, signal: null })
  t.alike(command.lines, [
    'Starting DHT bootstrap node...',
    `Bootstrap node bound to { host: '0.0.0.0', family: 4, port: ${port} }`,
    'Fully started Hyperswarm DHT bootstrap node',
    'Bootstrap node closed'
  ])
})

test('--bootstrap at the end is a bootstrap node as well', async t => {
  const port = await freePort('0.0.0.0')
  const command = run(t, ['--host', HOST, '--port', `${port}`, '--bootstrap'])
  await command.line('Fully started Hyperswarm DHT bootstrap node')
  t.is((await command.stop('SIGINT')).code, 0)
})

test('a bootstrap node says what is wrong', async t => {
  const taken = new DHT({ bootstrap: [], port: await freePort('0.0.0.0'), anyPort: false })
  t.teardown(() => taken.destroy())
  await taken.fullyBootstrapped()
  const { port } = taken.localAddress()

  const wrong = [
    [['--bootstrap'], 'You need to specify --host <node ip>'],
    [['--bootstrap', '--port', '40000'], 'You need to specify --host <node ip>'],
    [['--bootstrap', '--host', '0.0.0.0'], 'Invalid host'],
    [['--bootstrap', '--host', '::'], 'Invalid host'],
    [['--bootstrap', '--host', 'localhost'], 'Host must be a IPv4 address'],
    [['--bootstrap', '--host', HOST, '--port', `${port}`], 'address already in use']
  ]
  for (const [args, message] of wrong) {
    const command = run(t, args)
    t.is((await command.exited).code, 1, args.join(' '))
    t.ok(command.stderr.includes(message), message)
  }
})

test('a bootstrap list says what is wrong', async t => {
  const command = run(t, ['--bootstrap', 'example.com'])
  t.is((await command.exited).code, 1)
  t.ok(command.stderr.includes('Bootstrap node format is host:port'))
})

/** The bootstrap list of a network of its own. */
async function network(t) {
  const { bootstrap } = await testnet(t, 1)
  return bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
}

function run(t, args) {
  const command = new Command(args)
  t.teardown(() => command.kill())
  return command
}
