// A network of its own: a switch with a bootstrap node, and two hosts, each in a network namespace.
// One host listens and the other connects. Prints a line of JSON for each connection.

const Child = require('../helpers/child')
const { DHT } = require('../helpers/implementation')
const { childProcess, runtime } = require('../helpers/runtime')

const NETWORK = '10.7.0'
const PORT = 49737
const ROUNDS = 5
const BYTES = 10_000

main()

async function main() {
  ip('link', 'set', 'lo', 'up')
  ip('link', 'add', 'switch', 'type', 'bridge')
  ip('addr', 'add', `${NETWORK}.1/24`, 'dev', 'switch')
  ip('link', 'set', 'switch', 'up')
  for (let i = 1; i <= ROUNDS; i++) await connect(2 * i, 2 * i + 1)
}

/** New hosts each time, with addresses that no table of neighbours has seen. */
async function connect(serverNumber, clientNumber) {
  const server = await host('server', serverNumber)
  const client = await host('client', clientNumber)
  const bootstrapper = DHT.bootstrapper(PORT, `${NETWORK}.1`)
  await bootstrapper.fullyBootstrapped()
  const start = {
    bootstrap: [{ host: `${NETWORK}.1`, port: PORT }],
    dhtOptions: { host: '0.0.0.0' }
  }

  const { publicKey } = await server.call('listen', { ...start, bytes: BYTES })
  const report = server.next('report')
  await client.call('start', start)
  const clientReport = await client.call('connect', { publicKey, bytes: BYTES })
  const serverReport = clientReport.error ? null : await report
  console.log(JSON.stringify({ client: clientReport, server: serverReport }))

  await Promise.all([server.close(), client.close(), bootstrapper.destroy({ force: true })])
}

/** A process on a host with a cable to the switch. The cable goes away with the host. */
async function host(role, number) {
  const child = await Child.spawn({
    role,
    implementation: 'native',
    runtime,
    under: ['unshare', '--net']
  })
  const [port, plug] = [`port${number}`, `plug${number}`]
  ip('link', 'add', port, 'type', 'veth', 'peer', 'name', plug)
  ip('link', 'set', port, 'master', 'switch', 'up')
  ip('link', 'set', plug, 'netns', String(child.pid))
  for (const args of [
    ['addr', 'add', `${NETWORK}.${number}/24`, 'dev', plug],
    ['link', 'set', plug, 'up'],
    ['link', 'set', 'lo', 'up']
  ]) {
    run('nsenter', '--target', String(child.pid), '--net', 'ip', ...args)
  }
  return child
}

function ip(...args) {
  run('ip', ...args)
}

function run(command, ...args) {
  const { status, stderr } = childProcess.spawnSync(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
