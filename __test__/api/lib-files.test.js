// Small files of lib/ that programs may require.

const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const { DHT, deep } = require('../helpers/implementation')
const { closed, once, pair, node, testnet } = require('../helpers/fixtures')

test('lib/encode', t => {
  const { encodeUnslab } = deep('lib/encode')
  const bytes = encodeUnslab(c.string, 'text')
  t.alike(bytes, c.encode(c.string, 'text'))
  t.is(bytes.buffer.byteLength, bytes.byteLength)
})

test('lib/sleeper: a pause that is cut short', async t => {
  const Sleeper = deep('lib/sleeper')
  const sleeper = new Sleeper()
  sleeper.resume()
  const pause = sleeper.pause(1_000_000)
  sleeper.resume()
  await pause
  await sleeper.pause(1)
  t.pass()
})

test('lib/semaphore', async t => {
  const Semaphore = deep('lib/semaphore')
  const semaphore = new Semaphore(2)
  t.is(await semaphore.wait(), true)
  t.is(await semaphore.wait(), true)
  const third = semaphore.wait()
  t.alike([semaphore.active, semaphore.waiting.length], [2, 1])
  const flushed = semaphore.flush()
  semaphore.signal()
  t.is(await third, true)
  semaphore.signal()
  semaphore.signal()
  await flushed
  t.is(semaphore.active, 0)
  await semaphore.flush()

  await semaphore.wait()
  await semaphore.wait()
  const fourth = semaphore.wait()
  semaphore.destroy()
  t.alike([await fourth, await semaphore.wait(), semaphore.destroyed], [false, false, true])
  semaphore.signal()
})

test('lib/refresh-chain: each token is the hash of the next', t => {
  const createRefreshChain = deep('lib/refresh-chain')
  t.alike(createRefreshChain(0), [])
  const chain = createRefreshChain(5)
  t.is(chain.length, 5)
  for (let i = 0; i < 4; i++) t.alike(chain[i], DHT.hash(chain[i + 1]))
  t.unlike(createRefreshChain(1)[0], createRefreshChain(1)[0])
  t.ok(chain.every(token => b4a.isBuffer(token) && token.byteLength === 32))
})

test('lib/connect and lib/server are what a node uses', async t => {
  const connect = deep('lib/connect')
  const Server = deep('lib/server')
  const { dhts, listener } = await pair(t, await testnet(t))
  t.ok(listener instanceof Server)
  const server = new Server(dhts[0])
  await server.listen(DHT.keyPair())
  const accepted = once(server, 'connection')
  const dht = await node(t, { bootstrap: dhts[0].bootstrapNodes })
  const client = connect(dht, server.publicKey, {})
  client.on('error', () => {})
  t.is(await client.opened, true)
  const ended = closed(await accepted)
  client.destroy()
  await ended
})
