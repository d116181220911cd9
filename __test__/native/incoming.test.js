// Requests of other nodes: cases in which ours does more than the reference, or has clearer errors.

const test = require('brittle')
const b4a = require('b4a')
const busyFor = require('../helpers/busy')
const { Plugin } = require('../helpers/implementation')
const { node, once, testnet, thrown } = require('../helpers/fixtures')
const { internalsOf } = require('../../lib/util/internals')

const COMMAND = 99
const VALUE = b4a.from('a value')

test('request events for unknown commands', async t => {
  const { dht, asker, to } = await pair(t)
  dht.on('request', req => req.reply(VALUE))
  t.alike((await asker.request({ command: COMMAND }, to)).value, VALUE)
  const known = await asker.request({ command: 2, target: b4a.alloc(32) }, to)
  t.is(known.value, null, 'what the node serves is none of its business')
})

test('without a listener the core answers', async t => {
  const { dht, asker, to } = await pair(t)
  t.is((await asker.request({ command: COMMAND }, to)).error, 1)
  t.is(internalsOf(dht).subscription.bits, 0)

  const req = once(dht, 'request')
  const answered = asker.request({ command: COMMAND }, to)
  ;(await req).reply(VALUE)
  t.alike((await answered).value, VALUE)

  t.is((await asker.request({ command: COMMAND }, to)).error, 1, 'the listener is gone')
  t.is(internalsOf(dht).subscription.bits, 0, 'and nothing crosses the border any more')
  t.is((await asker.request({ command: COMMAND }, to)).error, 1)
})

test('nonsense in an answer', async t => {
  const { dht, asker, to } = await pair(t)
  const asked = once(dht, 'request')
  const answered = asker.request({ command: COMMAND }, to)
  const req = await asked
  const other = await node(t, { bootstrap: [] })
  const refused = {
    'value is a string': () => req.reply('text'),
    'value is a number': () => req.reply(5),
    'to is a string': () => req.reply(VALUE, { to: '127.0.0.1:5' }),
    'to has a port out of range': () =>
      req.reply(VALUE, { to: { host: '127.0.0.1', port: 65536 } }),
    'a socket of another node': () => req.reply(VALUE, { socket: other.socket }),
    'code is negative': () => req.error(-1),
    'code is a string': () => req.error('1'),
    'relay to nobody': () => req.relay(VALUE),
    'relay of a string': () => req.relay('text', to)
  }
  for (const [name, call] of Object.entries(refused)) {
    const err = thrown(call)
    t.ok(err instanceof TypeError || err instanceof RangeError, `${name}: ${err}`)
  }
  req.reply(VALUE)
  t.alike((await answered).value, VALUE)
})

test('nonsense in a request', async t => {
  const { dht, asker, to } = await pair(t)
  const refused = {
    'a socket of another node': () => asker.ping(to, { socket: dht.socket }),
    'no socket': () => asker.request({ command: COMMAND }, to, { socket: {} })
  }
  for (const [name, call] of Object.entries(refused)) {
    const [{ reason }] = await Promise.allSettled([call()])
    t.ok(reason instanceof TypeError, `${name}: ${reason}`)
  }
  for (const delay of [-1, Number.NaN, undefined]) {
    t.ok(thrown(() => asker.delayedPing(to, delay)) instanceof RangeError, String(delay))
  }
})

test('an answer goes to another address, from another socket', async t => {
  const { net, dht, asker, to } = await pair(t)
  const receiver = await node(t, net)
  const asked = once(dht, 'request')
  asker.request({ command: COMMAND }, to, { retry: false }).catch(noop)
  const req = await asked

  const before = receiver.stats.dropped.unexpected
  for (const socket of [dht.io.clientSocket, dht.io.serverSocket]) {
    const sent = socket.packetsTransmitted
    req.reply(VALUE, { socket, to: receiver.address() })
    t.ok(socket.packetsTransmitted > sent)
  }
  await dht.ping(receiver.address())
  t.is(receiver.stats.dropped.unexpected, before + 2, 'it got answers to what it did not ask')
})

test('a flood of requests stays inside the bounds', async t => {
  const { dht, asker, to } = await pair(t, { maxWindow: 10_000 })
  let seen = 0
  dht.onrequest = () => {
    seen++
    return true
  }
  const session = asker.session()
  for (let i = 0; i < 4000; i++) {
    session.request({ command: COMMAND }, to, { retry: false }).catch(noop)
  }
  busyFor(200)
  await asker.ping(to)
  session.destroy()
  t.ok(seen + dht.stats.dropped.request <= 4000, `${seen} seen`)

  dht.onrequest = req => req.reply(VALUE)
  t.alike((await asker.request({ command: COMMAND }, to)).value, VALUE, 'it still works')
})

test('what is no plugin is not kept', async t => {
  const dht = await node(t, await testnet(t, 1))
  for (const plugin of [undefined, null, {}, 'a plugin']) {
    t.is(thrown(() => dht.register('a plugin', plugin)).message, 'plugin must be a Plugin')
  }
  t.is(dht.plugins.size, 0)
  t.is(internalsOf(dht).subscription.bits, 0)
})

test('a plugin whose destroy throws does not keep the node', async t => {
  const dht = await node(t, { bootstrap: [] })
  dht.register('name', new Plugin('name', 1))
  let closed = false
  dht.on('close', () => {
    closed = true
  })
  const [{ reason }] = await Promise.allSettled([dht.destroy()])
  t.is(reason?.message, 'destroy() must be implemented')
  t.ok(closed)
  dht.destroy = noop // the teardown of the test
})

test('datagrams that a program makes up', async t => {
  const { dht } = await pair(t)
  const rinfo = { host: '127.0.0.1', port: 5, family: 4 }
  t.ok(thrown(() => dht.onmessage(dht.socket, 'text', rinfo)) instanceof TypeError)
  t.ok(thrown(() => dht.onmessage(dht.socket, VALUE, {})) instanceof TypeError)
  for (const socket of [null, {}, { id: 1 }]) {
    t.ok(thrown(() => dht.onmessage(socket, VALUE, rinfo)) instanceof TypeError)
  }
  const before = dht.stats.dropped.malformed
  dht.onmessage(dht.socket, VALUE, rinfo)
  dht.onmessage(dht.socket, b4a.alloc(1), rinfo)
  t.is(dht.stats.dropped.malformed, before + 1)
})

/** A node, and another that asks it. */
async function pair(t, options) {
  const net = await testnet(t, 3)
  const dht = await node(t, net, { ephemeral: false, firewalled: false })
  const asker = await node(t, net, options)
  return { net, dht, asker, to: { host: '127.0.0.1', port: dht.address().port } }
}

function noop() {}
