// The client of marked.js: behind a NAT of its own that takes a random port for each destination,
// and that drops the datagrams of sockets without the mark.

const b4a = require('b4a')
const { childProcess, fs, path, process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const JsonLines = require('../helpers/json-lines')
const Marker = require('../helpers/marker')

const MARK = 29

const RULES = `
table ip marked {
  counter unmarked {}
  chain out {
    type filter hook output priority 0
    meta l4proto udp meta mark != ${MARK} counter name unmarked drop
  }
  chain nat {
    type nat hook postrouting priority 100
    oifname far masquerade fully-random
  }
}`

const lines = new JsonLines(process.stdin, process.stdout, start)
lines.send({ ready: true })

async function start({ publicKey, bootstrap, marks }) {
  run('ip', 'link', 'set', 'lo', 'up')
  run('ip', 'addr', 'add', '10.78.0.2/24', 'dev', 'far')
  run('ip', 'link', 'set', 'far', 'up')
  run('nft', RULES)
  const folder = fs.mkdtempSync(path.join('/tmp', 'marked-'))
  const marker = new Marker(folder)
  let sockets = 0
  const protect = fd => {
    sockets++
    return marker.mark(fd, MARK)
  }

  const dht = new DHT({ bootstrap, ...(marks && { protect }) })
  await dht.fullyBootstrapped()
  const nodes = dht.nodes.length
  const opened = nodes > 0 && (await connectAndSleep(dht, b4a.from(publicKey, 'hex')))
  const { unmarked } = counters()
  lines.send({ nodes, opened, sockets, unmarked })
  await dht.destroy({ force: true })
  marker.close()
  fs.rmSync(folder, { recursive: true })
}

/** Whether a connection opens. Another node has to answer after a sleep. */
async function connectAndSleep(dht, publicKey) {
  const stream = dht.connect(publicKey, { localConnection: false, fastOpen: false })
  stream.on('error', noop)
  const opened = await stream.opened
  stream.destroy()
  await dht.suspend()
  await dht.resume()
  await dht.ping(dht.bootstrapNodes[0])
  return opened
}

function counters() {
  const text = run('nft', 'list counters')
  return { unmarked: Number(text.match(/packets (\d+)/)[1]) }
}

function run(...[command, ...args]) {
  const { status, stdout, stderr } = childProcess.spawnSync(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return b4a.toString(stdout)
}

function noop() {}
