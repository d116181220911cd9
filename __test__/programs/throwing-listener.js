// A listener throws once. The error must become an uncaught exception, and the next event must
// come.

const b4a = require('b4a')
const { isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')

const where = isBare ? Bare.argv[2] : process.argv[2]
const uncaught = isBare ? Bare : process
const thrown = new Promise(resolve => uncaught.on('uncaughtException', resolve))
uncaught.on('uncaughtException', err => console.log('uncaught: ' + err.message))

main()

async function main() {
  const testnet = await createTestnet(3)
  const dht = testnet.createNode()
  await dht.fullyBootstrapped()
  const server = dht.createServer()
  await server.listen(DHT.keyPair())
  const client = testnet.createNode()
  await client.fullyBootstrapped()

  if (where === 'message') await throwInMessage(server, client)
  if (where === 'tick') await throwInTick(server, client)
  if (where === 'data') await throwInData(server, client)
  if (where === 'connection') await throwInConnection(server, client)

  await testnet.destroy()
  console.log('done')
}

async function throwInMessage(server, client) {
  const [conn, other] = await connect(server, client)
  await throwOnce(other, 'message', () => conn.trySend(b4a.from('m')))
}

/** What a listener has put off throws, after the last message of a call and in the middle. */
async function throwInTick(server, client) {
  const [conn, other] = await connect(server, client)
  const seen = new Promise(resolve => {
    let count = 0
    other.on('message', () => {
      count++
      if (count === 2 || count === 5) {
        process.nextTick(() => {
          throw new Error('from the listener')
        })
      }
      if (count === 7) resolve()
    })
  })
  for (const together of [1, 1, 4, 1]) {
    for (let i = 0; i < together; i++) conn.trySend(b4a.from('m'))
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await seen
  console.log('all messages')
}

/**
 * streamx stops a stream whose 'data' listener threw. So the next event is one of another stream.
 */
async function throwInData(server, client) {
  const [conn, throwing] = await connect(server, client)
  const [other, next] = await connect(server, client)
  const seen = new Promise(resolve => next.on('data', resolve))
  throwing.on('data', () => {
    throw new Error('from the listener')
  })
  conn.write('d')
  await thrown
  other.write('d')
  await seen
  console.log('second data')
}

async function throwInConnection(server, client) {
  // Ours opens the connection nevertheless, and its end is an error that needs a listener.
  server.on('connection', conn => conn.on('error', noop))
  await throwOnce(server, 'connection', () => {
    client.connect(server.publicKey, { keyPair: DHT.keyPair() }).on('error', noop)
  })
}

/** Triggers `event` twice; the first listener call throws, the second reports and resolves. */
function throwOnce(emitter, event, trigger) {
  return new Promise(resolve => {
    let calls = 0
    emitter.on(event, () => {
      calls++
      if (calls === 1) {
        thrown.then(trigger)
        throw new Error('from the listener')
      }
      console.log('second ' + event)
      resolve()
    })
    trigger()
  })
}

async function connect(server, client) {
  const connection = new Promise(resolve => server.once('connection', resolve))
  const conn = client.connect(server.publicKey, { keyPair: DHT.keyPair() })
  conn.on('error', noop)
  const other = await connection
  other.on('error', noop)
  await conn.opened
  return [conn, other]
}

function noop() {}
