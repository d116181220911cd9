// A server in a network namespace, and a client in another one, which gets another address while the
// server writes to it. Prints a line of JSON with what both ends have seen. HYPERDHT_IMPL is that of
// the server; the client is always native.

const b4a = require('b4a')
const { childProcess, path, process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const JsonLines = require('../helpers/json-lines')

const HERE = '10.77.0.1'
const MESSAGES = 400

main()

async function main() {
  const client = childProcess.spawn(
    'unshare',
    ['--net', process.execPath, path.join(__dirname, 'roaming-client.js')],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, HYPERDHT_IMPL: 'native' } }
  )
  let wake = null
  const heard = []
  const lines = new JsonLines(client.stdout, client.stdin, message => {
    heard.push(message)
    wake?.()
  })
  const next = async () => {
    while (heard.length === 0) await new Promise(resolve => (wake = resolve))
    return heard.shift()
  }

  await next()
  ip('link', 'set', 'lo', 'up')
  ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far')
  ip('link', 'set', 'far', 'netns', String(client.pid))
  ip('addr', 'add', `${HERE}/24`, 'dev', 'near')
  ip('link', 'set', 'near', 'up')

  const first = DHT.bootstrapper(49737, HERE)
  await first.fullyBootstrapped()
  const bootstrap = [{ host: HERE, port: 49737 }]
  const dht = new DHT({ bootstrap, ephemeral: false, firewalled: false })
  await dht.fullyBootstrapped()
  const server = dht.createServer()
  await server.listen()

  const paths = []
  server.on('connection', stream => serve(stream, paths))
  lines.send({ publicKey: b4a.toString(server.publicKey, 'hex'), bootstrap, messages: MESSAGES })
  const seen = await next()
  console.log(JSON.stringify({ ...seen, paths }))
  await dht.destroy({ force: true })
  await first.destroy({ force: true })
  client.stdin.end()
}

/** Writes numbered messages, until the connection ends. */
function serve(stream, paths) {
  let number = 0
  const timer = setInterval(() => {
    if (number < MESSAGES) stream.write(b4a.from(String(number++)))
  }, 5)
  stream.on('path', () => paths.push(stream.path.remoteAddress.host))
  stream.on('error', noop)
  stream.on('close', () => clearInterval(timer))
}

function ip(...args) {
  const { status, stderr } = childProcess.spawnSync('ip', args)
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}

function noop() {}
