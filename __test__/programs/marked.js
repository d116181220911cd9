// A server behind a firewall in a network namespace, and a client in another one, from which only
// marked datagrams leave. The client has to punch with hundreds of sockets. With the argument `none`
// it has no hook. Prints a line of JSON with what the client has seen.

const b4a = require('b4a')
const { childProcess, path, process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const JsonLines = require('../helpers/json-lines')

const HERE = '10.78.0.1'

/** The analysis of a NAT skips five nodes and asks four. */
const NODES = 12

main(process.argv[2] !== 'none')

async function main(marks) {
  const client = childProcess.spawn(
    'unshare',
    ['--net', process.execPath, path.join(__dirname, 'marked-client.js')],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  let seen = null
  const heard = () => new Promise(resolve => (seen = resolve))
  const ready = heard()
  const lines = new JsonLines(client.stdout, client.stdin, message => seen(message))
  await ready

  run('ip', 'link', 'set', 'lo', 'up')
  run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far')
  run('ip', 'link', 'set', 'far', 'netns', String(client.pid))
  run('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'near')
  run('ip', 'link', 'set', 'near', 'up')

  const nodes = await startNodes()
  run('nft', firewall(nodes.map(dht => dht.address().port)))
  const bootstrap = [{ host: HERE, port: nodes[0].address().port }]
  const dht = new DHT({ bootstrap, quickFirewall: false })
  await dht.fullyBootstrapped()
  const server = dht.createServer({ shareLocalAddress: false })
  server.on('connection', stream => stream.on('error', noop))
  await server.listen()

  const result = heard()
  lines.send({ publicKey: b4a.toString(server.publicKey, 'hex'), bootstrap, marks })
  console.log(JSON.stringify(await result))
  for (const each of [dht, ...nodes]) await each.destroy({ force: true })
  client.stdin.end()
}

/** The nodes of the network, which anybody reaches. */
async function startNodes() {
  const first = DHT.bootstrapper(49737, HERE)
  await first.fullyBootstrapped()
  const bootstrap = [{ host: HERE, port: 49737 }]
  const others = Array.from({ length: NODES - 1 }, () => {
    return new DHT({ bootstrap, ephemeral: false, firewalled: false, port: [50000, 50100] })
  })
  for (const dht of others) await dht.fullyBootstrapped()
  return [first, ...others]
}

// The server hears only those that it has sent to.
function firewall(ports) {
  return `
table ip near {
  chain in {
    type filter hook input priority 0
    iifname near meta l4proto udp ct state new udp dport != { ${ports.join(', ')} } drop
  }
}`
}

function run(...[command, ...args]) {
  const { status, stderr } = childProcess.spawnSync(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

function noop() {}
