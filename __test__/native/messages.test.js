// Unordered messages cross to the core together, and come back together.

const test = require('brittle')
const b4a = require('b4a')
const { Microtasks } = require('../../lib/native/microtasks')
const { event, message, start } = require('../helpers/made-up-engine')
const { isBare } = require('../helpers/runtime')
const { pair, testnet, once } = require('../helpers/fixtures')

test('messages of one turn arrive, to whichever connection and of whatever size', async t => {
  const net = await testnet(t)
  const pairs = [await pair(t, net), await pair(t, net)]
  const sent = Array.from({ length: 60 }, (_, i) => b4a.alloc(1100 + (i % 5), i))
  const arriving = pairs.map(({ server }) => messages(server, 30))

  for (const [i, data] of sent.entries()) pairs[i % 2].client.trySend(data)
  const arrived = await Promise.all(arriving)
  t.alike(
    arrived,
    [0, 1].map(odd => sent.filter((_, i) => i % 2 === odd))
  )
})

test('a message keeps its bytes if the program changes its buffer', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const arriving = messages(server, 3)
  const buffer = b4a.alloc(10)
  for (let i = 0; i < 3; i++) client.trySend(buffer.fill(i))
  t.alike(
    await arriving,
    [0, 1, 2].map(i => b4a.alloc(10, i))
  )
})

test('a message that no datagram holds is lost alone', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const arriving = messages(server, 2)
  client.trySend(b4a.from('before'))
  client.trySend(b4a.alloc(70_000))
  client.trySend(b4a.from('after'))
  t.alike(await arriving, [b4a.from('before'), b4a.from('after')])
})

test('messages share a call, and microtasks run between them', { skip: isBare }, async t => {
  const { log, call } = madeUp([[message('a'), message('b'), event('ready')], [message('c')]])
  await call()
  t.alike(log, ['join', 'a', 'put off', 'b', 'put off', 'ready'])
  await call()
  t.alike(log.slice(6), ['c', 'put off'])
})

test('what a program has put off may throw between two messages', { skip: isBare }, async t => {
  const errors = []
  const uncaught = err => errors.push(err.message)
  process.on('uncaughtException', uncaught)
  t.teardown(() => process.off('uncaughtException', uncaught))
  const { log, call } = madeUp([[message('throws'), message('a')]])
  await call()
  await call()
  t.alike(log, ['join', 'throws', 'a', 'put off'])
  t.alike(errors, ['a tick'])
})

test('a function that runs no microtasks is of no use', async t => {
  const idle = new Microtasks(() => {})
  t.is(idle.canRun(), false)
  await null
  t.is(idle.canRun(), false, 'nor after they have run by themselves')
  t.is(new Microtasks(undefined).canRun(), false)
})

/** A dispatcher whose engine and router are made up. */
function madeUp(batches) {
  const log = []
  const router = {
    onbatch() {},
    within: (_, handle) => handle(),
    oncontrol: name => log.push(name),
    onmessage(_, data) {
      const name = b4a.toString(data)
      log.push(name)
      process.nextTick(() => {
        if (name === 'throws') throw new Error('a tick')
        Promise.resolve().then(() => log.push('put off'))
      })
    }
  }
  return { log, call: start(router, batches, log) }
}

async function messages(conn, count) {
  const arrived = []
  while (arrived.length < count) arrived.push(await once(conn, 'message'))
  return arrived
}
