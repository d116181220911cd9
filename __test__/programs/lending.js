// Leaves while a socket is lent to JavaScript's thread. Argument: how.
//   'exits': in the middle of an event. 'ends': destroys its nodes then, and ends by itself.
//   'throws': an error that nobody catches.
//   'worker-exits', 'worker-terminated': a worker does, and this thread goes on.
//   'exits-with-worker': this thread exits while a worker has a loan.

const b4a = require('b4a')
const { isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')
const { internalsOf } = require('../../lib/util/internals')

const threads = isBare ? { isMainThread: true } : require('worker_threads')
const how = isBare ? Bare.argv[2] : process.argv[2]

if (!threads.isMainThread) exchange({ onlent: inWorker })
else if (how.includes('worker')) withWorker()
else exchange({ onlent: alone })

/** Exchanges messages for as long as the thread lives. */
async function exchange({ onlent }) {
  const testnet = await createTestnet(3)
  const [listening, connecting] = [testnet.createNode(), testnet.createNode()]
  await Promise.all([listening.fullyBootstrapped(), connecting.fullyBootstrapped()])
  const server = listening.createServer(conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(data))
  })
  await server.listen(DHT.keyPair())
  const conn = connecting.connect(server.publicKey)
  conn.on('error', noop)
  let isLent = false
  conn.on('data', data => {
    conn.write(data)
    if (isLent || !(hasLent(listening) || hasLent(connecting))) return
    isLent = true
    onlent(testnet)
  })
  conn.write(b4a.from('hello'))
}

function alone(testnet) {
  console.log('lent')
  console.log('leaving')
  if (how === 'exits') exit(7)
  if (how === 'throws') {
    const target = isBare ? Bare : process
    target.once(isBare ? 'uncaughtException' : 'uncaughtException', () => exit(7))
    throw new Error('nobody catches this')
  }
  if (isBare) Bare.exitCode = 7
  else process.exitCode = 7
  testnet.destroy()
}

function inWorker() {
  threads.parentPort.postMessage('lent')
  if (how === 'worker-exits') process.exit(0)
}

async function withWorker() {
  const worker = new threads.Worker(__filename, { argv: [how] })
  const ended = new Promise(resolve => worker.on('exit', resolve))
  await new Promise(resolve => worker.once('message', resolve))
  console.log('lent')
  if (how === 'worker-terminated') worker.terminate()
  if (how !== 'exits-with-worker') await ended
  console.log('leaving')
  exit(7)
}

function hasLent(dht) {
  return internalsOf(dht).native.inspect('loans').lent
}

function exit(code) {
  if (isBare) Bare.exit(code)
  else process.exit(code)
}

function noop() {}
