const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { accept, addressOf, answering, answeringPair } = require('../helpers/answering')
const { node, once, rejected, testnet, thrown } = require('../helpers/fixtures')

const COMMAND = 99
const TARGET = b4a.alloc(32, 5)
const VALUE = b4a.from('a value')

test('a request that a subclass answers', async t => {
  const { asker, answerer, to } = await answeringPair(t, req => {
    req.reply(b4a.from('an answer'))
    return true
  })
  const reply = await asker.request({ command: COMMAND, target: TARGET, value: VALUE }, to)

  const [req] = answerer.seen
  t.is(req.command, COMMAND)
  t.alike(req.target, TARGET)
  t.alike(req.value, VALUE)
  t.ok(b4a.isBuffer(req.value))
  t.is(req.token, null)
  t.is(req.internal, false)
  t.is(req.tid, reply.tid)
  t.is(req.from.id, null)
  t.is(req.from.host, '127.0.0.1')
  t.is(req.from.port, asker.address().port)
  t.is(req.to.host, '127.0.0.1')
  t.is(req.to.port, to.port)
  t.is(req.socket, answerer.io.serverSocket)

  t.alike(reply.value, b4a.from('an answer'))
  t.is(reply.error, 0)
  t.is(reply.token.byteLength, 32)
  t.ok(reply.closerNodes.length > 0)
  t.is(typeof reply.rtt, 'number')
})

test('a request of a persistent node says who asks', async t => {
  const { net, answerer, to } = await answeringPair(t, accept)
  await net.nodes[0].request({ command: COMMAND }, to)
  t.alike(answerer.seen[0].from.id, net.nodes[0].id)
})

test('without a value and without a target', async t => {
  const { asker, answerer, to } = await answeringPair(t, accept)
  const reply = await asker.request({ command: COMMAND }, to)
  t.is(answerer.seen[0].value, null)
  t.is(answerer.seen[0].target, null)
  t.is(reply.value, null)
  t.is(reply.closerNodes, null)
})

test('a reply without token and closer nodes', async t => {
  const { asker, to } = await answeringPair(t, req =>
    req.reply(VALUE, { token: false, closerNodes: false })
  )
  const reply = await asker.request({ command: COMMAND, target: TARGET }, to)
  t.alike(reply.value, VALUE)
  t.is(reply.token, null)
  t.is(reply.closerNodes, null)
})

test('an error as reply', async t => {
  const { asker, to } = await answeringPair(t, req => req.error(42))
  const reply = await asker.request({ command: COMMAND, target: TARGET }, to)
  t.is(reply.error, 42)
  t.is(reply.value, null)
  t.is(reply.token, null)
  t.ok(reply.closerNodes.length > 0)
})

test('an error with a token, without closer nodes', async t => {
  const { asker, to } = await answeringPair(t, req =>
    req.error(42, { token: true, closerNodes: false })
  )
  const reply = await asker.request({ command: COMMAND, target: TARGET }, to)
  t.is(reply.error, 42)
  t.is(reply.token.byteLength, 32)
  t.is(reply.closerNodes, null)
})

test('sendReply', async t => {
  const { asker, to } = await answeringPair(t, req => req.sendReply(7, VALUE, true, false))
  const reply = await asker.request({ command: COMMAND, target: TARGET }, to)
  t.is(reply.error, 7)
  t.alike(reply.value, VALUE)
  t.is(reply.token.byteLength, 32)
  t.is(reply.closerNodes, null)
})

test('the token of a reply comes back, a wrong one is refused', async t => {
  const { asker, answerer, to } = await answeringPair(t, accept)
  const { token } = await asker.request({ command: COMMAND }, to)
  await asker.request({ command: COMMAND, token }, to)
  t.alike(answerer.seen[1].token, token)

  const reply = await asker.request({ command: COMMAND, token: b4a.alloc(32) }, to)
  t.is(reply.error, DHT.ERROR_INVALID_TOKEN)
  t.is(reply.token.byteLength, 32)
  t.is(answerer.seen.length, 2)
})

test('false is an unknown command', async t => {
  const { asker, to } = await answeringPair(t, () => false)
  const reply = await asker.request({ command: COMMAND, target: TARGET, value: VALUE }, to)
  t.is(reply.error, DHT.ERROR_UNKNOWN_COMMAND)
  t.is(reply.token, null)
  t.is(reply.value, null)
  t.ok(reply.closerNodes.length > 0)
  t.is((await asker.request({ command: COMMAND }, to)).closerNodes, null)
})

test('a plain node does not know the command', async t => {
  const net = await testnet(t, 3)
  const asker = await node(t, net)
  const reply = await asker.request({ command: COMMAND, target: TARGET }, net.bootstrap[0])
  t.is(reply.error, DHT.ERROR_UNKNOWN_COMMAND)
  t.ok(reply.closerNodes.length > 0)
})

test('no answer at all', async t => {
  const { asker, to } = await answeringPair(t, () => true)
  const err = await rejected(asker.request({ command: COMMAND }, to, { retry: false }))
  t.is(err.code, 'REQUEST_TIMEOUT')
  t.is(err.message, 'REQUEST_TIMEOUT: Request timed out')
})

test('a late answer, and one answer too many', async t => {
  const { asker, answerer, to } = await answeringPair(t, () => true)
  const asked = once(answerer, 'seen')
  const requested = asker.request({ command: COMMAND }, to)
  const req = await asked
  await asker.ping(to)
  req.reply(VALUE)
  req.reply(b4a.from('too late'))
  t.alike((await requested).value, VALUE)
  t.is((await asker.ping(to)).error, 0)
})

test('an answer from the other socket, and to somebody else', async t => {
  const { net, asker, answerer, to } = await answeringPair(t, (req, dht) => {
    req.reply(VALUE, { socket: dht.io.clientSocket, to: { host: '127.0.0.1', port: other.port } })
    return true
  })
  const receiver = await node(t, net)
  const other = receiver.address()
  const err = await rejected(asker.request({ command: COMMAND }, to, { retry: false }))
  t.is(err.code, 'REQUEST_TIMEOUT')
  t.is(answerer.seen.length, 1)
})

test('a relayed request is answered by somebody else', async t => {
  const net = await testnet(t, 3)
  const last = await answering(t, net, req => {
    req.reply(b4a.from('last'), { to: asker.address(), token: false, closerNodes: false })
    return true
  })
  const middle = await answering(t, net, req => {
    req.relay(b4a.from('relayed'), addressOf(last))
    return true
  })
  const asker = await node(t, net)

  const requested = asker.request(
    { command: COMMAND, target: TARGET, value: VALUE },
    addressOf(middle),
    { retry: false }
  )
  requested.catch(noop)
  const relayed = await once(last, 'seen')
  t.is(relayed.command, COMMAND)
  t.alike(relayed.target, TARGET)
  t.alike(relayed.value, b4a.from('relayed'))
  t.is(relayed.from.port, addressOf(middle).port)
  t.is(relayed.tid, middle.seen[0].tid)
})

test('requests from either socket', async t => {
  const { answerer, asker, to } = await answeringPair(t, accept)
  for (const socket of [asker.io.clientSocket, asker.io.serverSocket, asker.socket]) {
    await asker.request({ command: COMMAND }, to, { socket })
    t.is(answerer.seen.at(-1).from.port, socket.address().port)
  }
})

test('ping with a size, a ttl, without retries', async t => {
  const { asker, to } = await answeringPair(t, accept)
  const reply = await asker.ping(to, { size: 500, ttl: 64, retry: false })
  t.alike(
    { error: reply.error, value: reply.value, token: reply.token, closer: reply.closerNodes },
    { error: 0, value: null, token: null, closer: null }
  )
  t.is(reply.to.port, asker.address().port)
})

test('a delayed ping', async t => {
  const { asker, to } = await answeringPair(t, accept)
  const quick = asker.delayedPing(to, 0)
  const slow = asker.delayedPing(to, 150)
  const order = []
  await Promise.all([slow.then(() => order.push('slow')), quick.then(() => order.push('quick'))])
  t.alike(order, ['quick', 'slow'])
  const { error, value, rtt } = await slow
  t.is(error, 0)
  t.is(value, null)
  t.ok(rtt >= 149, 'it took its time')
})

test('a delay beyond the maximum', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  const message = 'Delay exceeds max delay: 10000ms'
  t.is(thrown(() => dht.delayedPing(net.bootstrap[0], 10001))?.message, message)

  const patient = await node(t, net, { maxPingDelay: 20 })
  const other = 'Delay exceeds max delay: 20ms'
  t.is(thrown(() => patient.delayedPing(net.bootstrap[0], 21))?.message, other)
})

test('requests after destroy', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  await dht.destroy()
  for (const call of [
    () => dht.ping(net.bootstrap[0]),
    () => dht.request({ command: 1 }, net.bootstrap[0])
  ]) {
    const err = await rejected(call())
    t.is(err.message, 'Node destroyed')
    t.is(err.code, undefined)
  }
})

test('an answer after destroy is harmless', async t => {
  const { asker, answerer, to } = await answeringPair(t, () => true)
  const requested = asker.request({ command: COMMAND }, to, { retry: false })
  requested.catch(noop)
  const req = await once(answerer, 'seen')
  await answerer.destroy()
  t.is(
    thrown(() => {
      req.reply(VALUE)
      req.error(3)
      req.relay(VALUE, to)
    }),
    null
  )
})

test('round-trip statistics', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const stats = await dht.rttStats()
  t.alike(Object.keys(stats).sort(), ['closestReplies', 'errors', 'responses', 'successes'])
  t.is(stats.errors, 0)
  t.ok(stats.successes > 0)
  for (const { avgRtt, errors, avgCloserNodes } of [stats.responses, stats.closestReplies]) {
    t.ok(avgRtt >= 0)
    t.is(errors, 0)
    t.ok(avgCloserNodes > 0)
  }

  const alone = await node(t, { bootstrap: [] })
  const none = { avgRtt: 0, errors: 0, avgCloserNodes: 0 }
  t.alike(await alone.rttStats(), {
    successes: 0,
    errors: 0,
    responses: none,
    closestReplies: none
  })
})

test('which local addresses are ours', async t => {
  const dht = await node(t, { bootstrap: [] })
  const here = { host: '127.0.0.1', port: 1 }
  const elsewhere = { host: '192.0.2.123', port: 2 }
  const again = { host: '127.0.0.1', port: 3 }
  t.alike(await dht.validateLocalAddresses([]), [])
  t.alike(await dht.validateLocalAddresses([elsewhere]), [])
  t.alike(await dht.validateLocalAddresses([elsewhere, here]), [here])
  t.alike(await dht.validateLocalAddresses([again, elsewhere, { ...here, x: 1 }]), [
    again,
    { ...here, x: 1 }
  ])
  t.alike(await dht.validateLocalAddresses([{ host: 'no address', port: 1 }]), [])
})

function noop() {}
