// A worker with a node and traffic of its own ends; the main thread's node goes on.
// Argument: 'returns' (the worker destroys its node), 'exits' (in the middle of traffic), or
// 'stays' (the main thread exits in the middle of traffic, and in Node the worker ends with it).

const b4a = require('b4a')
const { isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')

const { isMainThread, data } = isBare
  ? { isMainThread: Bare.Thread.isMainThread, data: Bare.Thread.self?.data }
  : { isMainThread: require('worker_threads').isMainThread, data: workerData() }

if (isMainThread) main()
else worker(JSON.parse(b4a.toString(b4a.from(data))))

async function main() {
  const how = isBare ? Bare.argv[2] : process.argv[2]
  const testnet = await createTestnet(3)
  const dht = testnet.createNode()
  await dht.fullyBootstrapped()
  const server = dht.createServer()
  await server.listen(DHT.keyPair())

  const bootstrap = testnet.bootstrap
  const key = b4a.toString(server.publicKey, 'hex')
  const connection = new Promise(resolve => server.once('connection', resolve))
  const ended = startWorker(b4a.from(JSON.stringify({ bootstrap, key, how })))
  const conn = await connection
  conn.on('error', noop)
  const answered = new Promise(resolve => conn.once('data', resolve))
  conn.on('data', data => conn.write(data))
  if (how === 'stays') {
    await answered
    console.log('leaving')
    exit(7)
  }
  await ended(answered)
  console.log('worker ended')

  const client = testnet.createNode()
  await client.fullyBootstrapped()
  const again = client.connect(server.publicKey)
  server.on('connection', other => {
    other.on('error', noop)
    other.end('still here')
  })
  again.on('data', text => console.log(b4a.toString(text)))
  again.end()
  await new Promise(resolve => again.on('close', resolve))
  await testnet.destroy()
  console.log('done')
}

async function worker({ bootstrap, key, how }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  const conn = dht.connect(key)
  conn.on('error', noop)
  await conn.opened

  for (let i = 0; i < 64; i++) conn.write(b4a.alloc(64 * 1024))
  await new Promise(resolve => conn.once('data', resolve))
  if (how === 'stays') return conn.on('data', data => conn.write(data))
  if (how === 'returns') return dht.destroy()
  exit(0)
}

function exit(code) {
  if (isBare) Bare.exit(code)
  else process.exit(code)
}

/** Starts this file as a worker. The result waits for its end, once the worker was answered. */
function startWorker(message) {
  if (!isBare) {
    const { Worker } = require('worker_threads')
    const thread = new Worker(__filename, { workerData: message })
    const exit = new Promise(resolve => thread.on('exit', resolve))
    return () => exit
  }

  const thread = new Bare.Thread(__filename, { data: message })
  return async answered => {
    // join() blocks this thread, and the worker waits for an answer, which a stream passes to the
    // core in a microtask
    await answered
    await new Promise(resolve => setTimeout(resolve))
    thread.join()
  }
}

function workerData() {
  return require('worker_threads').workerData
}

function noop() {}
