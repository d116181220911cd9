// JavaScript's thread receives for itself while an exchange of single messages goes on.

const test = require('brittle')
const b4a = require('b4a')
const { closed, node, once, pair, testnet } = require('../helpers/fixtures')
const connectToProcess = require('../helpers/remote')
const freePort = require('../helpers/free-port')
const { isBare, process } = require('../helpers/runtime')
const runProgram = require('../helpers/run-program')
const { internalsOf } = require('../../lib/util/internals')

const options = { skip: process.platform !== 'linux' && process.platform !== 'android' }

test('a socket is lent, and comes back when the exchange ends', options, async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  echo(server)

  const inOrder = await exchange(client, () => served(dhts) > 500)
  t.ok(inOrder, 'each answer is that of its message')
  await until(() => !dhts.some(dht => loans(dht).lent))
  t.pass('the driver has taken it back')

  client.write(b4a.alloc(300_000, 'more'))
  let bytes = 0
  while (bytes < 300_000) bytes += (await once(client, 'data')).byteLength
  t.is(bytes, 300_000, 'the connection goes on')
})

for (const [name, without] of [
  ['lendSockets: false', { lendSockets: false }],
  ['a hook, which may keep a descriptor', { protect() {} }]
]) {
  test(`no loan: ${name}`, options, t => exchangeWithout(t, without))
}

test('the driver receives while JavaScript is busy', options, async t => {
  const { dht, conn } = await connectToProcess(t)

  await exchange(conn, () => loans(dht).lent)
  conn.write(b4a.from('answer this'))
  const before = received(dht)
  const isBack = spin(() => !loans(dht).lent)
  const hasReceived = spin(() => received(dht) > before)
  t.ok(isBack && hasReceived, 'in one turn of the event loop')
  t.is(b4a.toString(await once(conn, 'data')), 'answer this')
  await exchange(conn, () => loans(dht).lent)
  t.pass('it is lent again')
  conn.destroy()
})

test('a connection that is destroyed during a loan', options, async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  echo(server)
  await exchange(client, () => loans(dhts[0]).lent || loans(dhts[1]).lent)
  const ends = [closed(server), closed(client)]
  client.destroy()
  await Promise.all(ends)
  t.pass('both ends close')
})

test('nodes that are destroyed during a loan', options, async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  echo(server)
  await exchange(client, () => loans(dhts[0]).lent || loans(dhts[1]).lent)
  client.write(b4a.from('one more'))
  await Promise.all(dhts.map(dht => dht.destroy({ force: true })))
  t.pass('they close')

  const next = await pair(t, await testnet(t))
  echo(next.server)
  await exchange(next.client, () => served(next.dhts) > 0)
  t.pass('other nodes of the thread lend')
})

test('a node that sleeps and wakes up in one step during a loan', options, async t => {
  const net = await testnet(t)
  const port = await freePort()
  const listening = await node(t, net, { port, anyPort: false })
  const connecting = await node(t, net, { lendSockets: false })
  for (let i = 0; i < 3; i++) {
    const listener = listening.createServer(echo)
    await listener.listen()
    const client = connecting.connect(listener.publicKey)
    await client.opened
    await exchange(client, () => loans(listening).lent)

    const asleep = listening.suspend()
    const awake = listening.resume()
    await asleep
    await awake
    t.is(listening.address().port, port, 'its port is the same')
    client.destroy()
    await listener.close()
  }
})

for (const how of ['exits', 'ends', 'throws']) {
  test(`a process that ${how} during a loan`, { ...options, timeout: 60_000 }, async t => {
    for (let i = 0; i < 3; i++) check(t, await runProgram('lending', { args: [how] }))
  })
}

if (!isBare) {
  test('a loan has the asynchronous contexts of a node without one', options, async t => {
    const { AsyncLocalStorage } = require('async_hooks')
    const net = await testnet(t)
    const listening = await node(t, net, { lendSockets: false })
    const listener = listening.createServer(echo)
    await listener.listen()
    for (const lendSockets of [false, true]) {
      const storage = new AsyncLocalStorage()
      const connecting = await storage.run('the node', () => node(t, net, { lendSockets }))
      const client = connecting.connect(listener.publicKey)
      await client.opened
      const seen = new Set()
      let calls = 0
      await exchange(client, () => {
        if (calls++ > 500) seen.add(storage.getStore())
        return lendSockets ? loans(connecting).served > 500 && calls > 1000 : calls > 1000
      })
      t.alike([...seen], [undefined], `lendSockets: ${lendSockets}`)
      client.destroy()
    }
  })

  for (const how of ['worker-exits', 'worker-terminated', 'exits-with-worker']) {
    test(`a worker with a loan: ${how}`, { ...options, timeout: 60_000 }, async t => {
      for (let i = 0; i < 3; i++) check(t, await runProgram('lending', { args: [how] }))
    })
  }
}

async function exchangeWithout(t, without) {
  const net = await testnet(t)
  const [listening, connecting] = [await node(t, net, without), await node(t, net, without)]
  const listener = listening.createServer(echo)
  await listener.listen()
  const client = connecting.connect(listener.publicKey)
  await client.opened

  let rounds = 0
  await exchange(client, () => ++rounds === 1000)
  t.alike(loans(connecting), { begun: 0, lent: false, served: 0 })
  t.alike(loans(listening), { begun: 0, lent: false, served: 0 })
  client.destroy()
}

function check(t, { code, signal, lines, stderr }) {
  t.is(code, 7, `exit code, signal ${signal}`)
  t.alike(lines, ['lent', 'leaving'])
  if (code !== 7) t.comment(stderr)
}

function echo(stream) {
  stream.on('error', noop)
  stream.on('data', data => stream.write(data))
}

/** Sends messages, each after the answer to the one before, until `isEnough`. */
function exchange(stream, isEnough) {
  return new Promise(resolve => {
    let sent = 0
    let inOrder = true
    stream.on('error', noop)
    stream.on('data', ondata)
    next()

    function ondata(data) {
      inOrder &&= b4a.toString(data) === String(sent)
      if (!isEnough()) return next()
      stream.off('data', ondata)
      resolve(inOrder)
    }

    function next() {
      stream.write(b4a.from(String(++sent)))
    }
  })
}

/** Asks again and again in one turn of the event loop. */
function spin(isSo) {
  const end = Date.now() + 10_000
  while (!isSo()) if (Date.now() > end) return false
  return true
}

async function until(isSo) {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 5))
}

function loans(dht) {
  return internalsOf(dht).native.inspect('loans')
}

function served(dhts) {
  return dhts.reduce((sum, dht) => sum + loans(dht).served, 0)
}

function received(dht) {
  return internalsOf(dht).native.inspect('totalTraffic').packetsReceived
}

function noop() {}
