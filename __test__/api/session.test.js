const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

const COMMAND = 99

test('requests and pings of a session', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  t.is(session.dht, dht)
  const reply = await session.ping(to)
  t.is(reply.error, 0)
  t.is((await session.request({ command: 98 }, to)).error, DHT.ERROR_UNKNOWN_COMMAND)
  session.destroy()
})

test('destroy ends all requests under way', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  const requests = [1, 2, 3].map(() => session.request({ command: COMMAND }, to))
  const other = dht.ping(to)
  session.destroy()
  for (const { reason } of await Promise.allSettled(requests)) {
    t.is(reason?.code, 'REQUEST_DESTROYED')
    t.is(reason?.message, 'REQUEST_DESTROYED: Request destroyed')
    t.is(reason?.name, 'DHTError')
  }
  t.is((await other).error, 0, 'others go on')
})

test('destroy with an error of its own', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  const error = new Error('enough')
  const requests = [
    session.request({ command: COMMAND }, to),
    session.request({ command: COMMAND }, to)
  ]
  session.destroy(error)
  for (const { reason } of await Promise.allSettled(requests)) t.is(reason, error)
})

test('a session goes on after destroy', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  const request = session.request({ command: COMMAND }, to)
  request.catch(noop)
  session.destroy()
  session.destroy()
  t.is((await session.ping(to)).error, 0)
})

test('destroyed requests give their place in the window back', async t => {
  const { dht, to } = await silent(t, { maxWindow: 4 })
  const session = dht.session()
  const requests = []
  for (let i = 0; i < 100; i++) requests.push(session.request({ command: COMMAND }, to))
  for (const request of requests) request.catch(noop)
  session.destroy()
  t.is((await dht.ping(to, { retry: false })).error, 0)
  t.is(dht.stats.requests.active, 0)
})

test('the session of a request as an option', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  const requests = [
    dht.request({ command: COMMAND }, to, { session }),
    dht.delayedPing(to, 5000, { session })
  ]
  session.destroy()
  for (const { reason } of await Promise.allSettled(requests)) {
    t.is(reason?.code, 'REQUEST_DESTROYED')
  }
})

test('a query of a session', async t => {
  const { dht } = await silent(t)
  const session = dht.session()
  const query = session.query({ target: b4a.alloc(32), command: 98 })
  await query.finished()
  t.ok(query.errors > 0)

  const ended = session.query({ target: b4a.alloc(32), command: COMMAND }, { retries: 0 })
  const finished = ended.finished()
  await dht.ping(dht.bootstrapNodes[0])
  session.destroy()
  await finished
  t.is(ended.successes, 0)
})

test('a session of a destroyed node', async t => {
  const { dht, to } = await silent(t)
  const session = dht.session()
  const request = session.request({ command: COMMAND }, to)
  request.catch(noop)
  await dht.destroy()
  session.destroy()
  const { message, code } = await session.ping(to).catch(err => err)
  t.is(message, 'Node destroyed')
  t.is(code, undefined)
})

/** A node, and the address of another one that does not answer `COMMAND`. */
async function silent(t, options) {
  const net = await testnet(t, 3)
  class Silent extends DHT {
    onrequest(req) {
      return req.command === COMMAND ? true : super.onrequest(req)
    }
  }
  const other = new Silent({
    bootstrap: net.bootstrap,
    host: '127.0.0.1',
    ephemeral: false,
    firewalled: false
  })
  t.teardown(() => other.destroy())
  await other.fullyBootstrapped()
  const dht = await node(t, net, options)
  return { dht, to: { host: '127.0.0.1', port: other.address().port } }
}

function noop() {}
