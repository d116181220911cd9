// destroy() ends, whatever the network does. The bounds in time are proved on virtual time, in
// crates/netsim/tests/lifecycle.

const test = require('brittle')
const { DHT } = require('../helpers/implementation')
const { node, pair, testnet, once, record, closed } = require('../helpers/fixtures')

test('close comes once, at the end', async t => {
  const { client, dhts } = await pair(t, await testnet(t))
  const [, dht] = dhts
  const server = dht.createServer()
  await server.listen(DHT.keyPair())
  const events = record(dht, ['close'])
  server.on('close', () => events.push('server close'))
  client.on('close', () => events.push('stream close'))
  const streamClosed = closed(client)

  await Promise.all([dht.destroy(), dht.destroy()])
  await dht.destroy()
  t.is(await streamClosed, null)
  t.alike(events.at(0), 'server close')
  t.is(events.filter(name => name === 'close').length, 1)
  t.is(dht.destroyed, true)
  t.is(server.closed, true)
  t.is(dht.listening.size, 0)
})

test('force does not unannounce', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  const other = await node(t, net)
  const server = dht.createServer()
  await server.listen()
  const { publicKey } = server
  await dht.destroy({ force: true })
  t.is(dht.destroyed, true)
  let known = false
  for await (const { peer } of other.findPeer(publicKey)) known ||= !!peer
  t.ok(known, 'the record stays until it is old')
  await server.close() // the reference's announcer would keep the process alive
})

test('what is asked of a destroyed node', async t => {
  const net = await testnet(t)
  const dht = await node(t, net)
  await dht.destroy()
  const [to] = net.bootstrap
  for (const promise of [dht.ping(to), dht.request({ command: 0 }, to)]) {
    const err = await promise.catch(err => err)
    t.is(err.message, 'Node destroyed')
    t.is(err.code, undefined)
  }
})

for (const force of [false, true]) {
  test(`in the middle of the bootstrap, force ${force}`, { timeout: 60_000 }, async t => {
    const dht = new DHT({ bootstrap: [NOBODY], host: '127.0.0.1' })
    const close = once(dht, 'close')
    await dht.destroy({ force })
    await close
    t.pass('ended')
  })

  test(`with nobody out there, force ${force}`, { timeout: 60_000 }, async t => {
    const dht = new DHT({ bootstrap: [NOBODY, BLACK_HOLE], host: '0.0.0.0' })
    await dht.fullyBootstrapped()
    const server = dht.createServer()
    await server.listen()
    const stream = dht.connect(DHT.keyPair().publicKey)
    const failed = closed(stream)
    await dht.destroy({ force })
    await failed
    t.is(dht.destroyed, true)
    await server.close() // as above
  })
}

test('with nobody out there: suspend, resume, server.close', { timeout: 60_000 }, async t => {
  const dht = new DHT({ bootstrap: [NOBODY, BLACK_HOLE], host: '0.0.0.0' })
  const server = dht.createServer()
  await server.listen()
  await dht.suspend()
  await dht.resume()
  await server.close()
  await dht.destroy()
  t.is(dht.destroyed, true)
})

/** Nobody listens here (discard, RFC 863). */
const NOBODY = { host: '127.0.0.1', port: 9 }

/** No packet to this network arrives anywhere (TEST-NET-3, RFC 5737). */
const BLACK_HOLE = { host: '203.0.113.1', port: 49737 }
