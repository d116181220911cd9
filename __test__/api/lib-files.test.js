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

test('lib/secure-payload: what others have sealed', t => {
  const SecurePayload = deep('lib/secure-payload')
  const secret = b4a.from('f13cd59fee552c18f4091cc350d52e907076c5d1563273b17a0f5e0fc1dcfb20', 'hex')
  const sealed = b4a.from(
    '404142434445464748494a4b4c4d4e4f5051525354555657' +
      'e07028c33558fa1635c4fbd4f511a1a9c5bd95612e8791654a8b',
    'hex'
  )
  const payload = new SecurePayload(secret)
  const probe = payload.decrypt(b4a.from(sealed))
  t.alike([probe.error, probe.round, probe.punching], [0, 0, false])
  t.alike(probe.remoteAddress, { host: '127.0.0.1', port: 5678 })
  t.alike([probe.addresses, probe.token, probe.remoteToken], [null, null, null])

  const other = new SecurePayload(b4a.alloc(32))
  t.is(other.decrypt(b4a.from(sealed)), null)
  t.is(payload.decrypt(sealed.subarray(0, 40)), null)
  t.is(payload.decrypt(b4a.concat([sealed, b4a.alloc(1)])), null)
})

test('lib/secure-payload: what both ends seal', t => {
  const SecurePayload = deep('lib/secure-payload')
  const secret = b4a.alloc(32, 'secret')
  const [a, b] = [new SecurePayload(secret), new SecurePayload(secret)]
  const payload = {
    error: 3,
    firewall: 2,
    round: 30,
    connected: false,
    punching: true,
    addresses: [{ host: '1.2.3.4', port: 5 }],
    remoteAddress: null,
    token: a.token({ host: '1.2.3.4', port: 5 }),
    remoteToken: null
  }
  const sealed = a.encrypt(payload)
  t.unlike(a.encrypt(payload), sealed, 'with another nonce each time')
  const { token, ...opened } = b.decrypt(sealed)
  t.ok(b4a.equals(token, payload.token))
  t.alike({ ...opened, token: payload.token }, payload)
  t.is(payload.token.byteLength, 32)
  t.alike(a.token({ host: '1.2.3.4', port: 6 }), payload.token, 'the port is no part of it')
  t.unlike(a.token({ host: '1.2.3.5', port: 5 }), payload.token)
  t.unlike(b.token({ host: '1.2.3.4', port: 5 }), payload.token)
})

test('lib/raw-stream-set', async t => {
  const RawStreamSet = deep('lib/raw-stream-set')
  const dht = await node(t, await testnet(t, 1))
  const set = new RawStreamSet(dht)
  const streams = [set.add(), set.add({ framed: true })]
  t.alike([set.size, new Set(set)], [2, new Set(streams)])
  t.is(dht.rawStreams.size, 0)
  streams[0].connect(dht.socket, 1, 9, '127.0.0.1')
  await set.clear()
  t.alike([set.size, streams.map(stream => stream.destroyed)], [0, [true, true]])
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
