// Properties that programs read, which say how the node works inside.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { closed, node, once, pair, testnet, thrown } = require('../helpers/fixtures')

const SILENT = { host: '127.0.0.1', port: 9 }

test('session.inflight: its requests and those of its queries', async t => {
  const dht = await node(t, await testnet(t, 2))
  const session = dht.session()
  t.alike(session.inflight, [])

  // they wait for long, so that a slow machine does not end them
  const slow = () => dht.delayedPing(SILENT, 10_000, { session }).catch(noop)
  slow()
  slow()
  dht.ping(SILENT).catch(noop)
  t.is(session.inflight.length, 2)
  for (const { to, tid, sent, retries, internal, command } of session.inflight) {
    t.is(to.port, 9)
    t.alike([Number.isInteger(tid), sent, retries], [true, 1, 3])
    t.alike([internal, command], [true, 4])
  }

  session.destroy()
  t.alike(session.inflight, [])
})

test('query.inflight', async t => {
  const dht = await node(t, await testnet(t, 1))
  const session = dht.session()
  const nodes = [SILENT]
  const query = session.query(
    { target: b4a.alloc(32), command: 50 },
    { nodes, onlyClosestNodes: true }
  )
  t.is(query.inflight, 0)
  query.on('error', noop).resume()
  await until(() => query.inflight > 0)
  t.is(query.inflight, 1)
  t.is(session.inflight.length, 1)
  query.destroy()
  session.destroy()
  t.is(session.inflight.length, 0)
})

test('io.inflight and io._tid', async t => {
  const dht = await node(t, await testnet(t, 1))
  t.ok(dht.io._tid >= 0 && dht.io._tid <= 65536)
  // something else may use the number
  const isNext = []
  for (let i = 0; i < 5; i++) {
    const tid = dht.io._tid & 0xffff
    dht.ping(SILENT).catch(noop)
    isNext.push(dht.io.inflight.at(-1).tid === tid)
  }
  t.ok(isNext.includes(true))
  const { internal, command, sent, retries } = dht.io.inflight.at(-1)
  t.alike({ internal, command, sent, retries }, { internal: true, command: 0, sent: 1, retries: 3 })
})

test('a request of another node: what it shows, and destroy', async t => {
  const { dht, to, asked } = await responder(t)
  dht.request({ command: 50, value: b4a.from('x') }, to, { retry: false }).catch(noop)
  const req = await asked()
  const { destroyed, index, retries, sent, session, timeout, ttl, internal } = req
  t.alike(
    { destroyed, index, retries, sent, session, timeout, ttl, internal },
    {
      destroyed: false,
      index: -1,
      retries: 3,
      sent: 0,
      session: null,
      timeout: 0,
      ttl: 0,
      internal: false
    }
  )
  for (const name of ['oncycle', 'onerror', 'onresponse']) t.is(typeof req[name], 'function')

  req.destroy()
  t.is(req.destroyed, true)
  req.destroy()
  req.reply(b4a.from('too late'))
  req.error(5)
  const silence = dht.request({ command: 50 }, to, { retry: false })
  ;(await asked()).destroy()
  await t.exception(silence, /REQUEST_TIMEOUT/)
})

test('stats.punches, stats.relaying: the numbers that there are', async t => {
  const dht = await node(t, await testnet(t))
  const { punches, relaying } = dht.stats
  t.alike(punches, {
    consistent: 0,
    random: 0,
    open: 0,
    tryLater: 0,
    tryLaterRelayedHandshakesAtLeastOnce: 0
  })
  t.alike(relaying, { attempts: 0, successes: 0, aborts: 0 })
})

test('server._holepunches: a handshake has a place until it is forgotten', async t => {
  const net = await testnet(t)
  const { client, server, listener } = await pair(t, net, { handshakeClearWait: 50 })
  t.is(listener._holepunches.length, 1)
  const [{ aborted, firewalled, round }] = listener._holepunches
  t.alike([aborted, firewalled, Number.isInteger(round)], [false, false, true])
  await until(() => listener._holepunches.length === 0)
  const ended = [closed(client), closed(server)]
  client.destroy()
  await Promise.all(ended)
  await listener.close()
  t.alike(listener._holepunches, [])
})

test('server._holepunches: a client that is refused', async t => {
  const net = await testnet(t)
  const [dht, other] = [await node(t, net), await node(t, net)]
  const server = dht.createServer({ firewall: () => true })
  await server.listen()
  const asked = new Promise(resolve => {
    server.firewall = () => {
      resolve(server._holepunches[0])
      return true
    }
  })
  const client = other.connect(server.publicKey)
  client.on('error', noop)
  const { firewalled, puncher, rawStream } = await asked
  t.alike([firewalled, puncher, rawStream], [true, null, null])
  client.destroy()
})

test('buffer sizes of sockets', async t => {
  const dht = await node(t, await testnet(t, 1))
  for (const socket of [dht.io.clientSocket, dht.io.serverSocket]) {
    for (const name of ['RecvBufferSize', 'SendBufferSize']) {
      const [get, set] = [socket[`get${name}`].bind(socket), socket[`set${name}`].bind(socket)]
      t.ok(get() > 0)
      set(100_000)
      const some = get()
      set(50_000)
      t.ok(get() < some && get() >= 50_000, name)
      t.is(thrown(() => set(0))?.code, 'EINVAL')
      t.is(thrown(() => set(-1))?.code, 'EINVAL')
    }
  }
  const { clientSocket } = dht.io
  await dht.destroy()
  t.is(thrown(() => clientSocket.getRecvBufferSize())?.code, 'EBADF')
})

test('health: ticks that a program counts, and reset', async t => {
  const dht = await node(t, await testnet(t, 1))
  const { health } = dht
  health.reset()
  t.alike([health.newest, health.previous, health.oldest], [undefined, undefined, undefined])
  health.update()
  const { responses, timeouts } = dht.stats.requests
  t.alike(health.newest, { responses, timeouts })
  t.is(health.previous, undefined)
  health.update()
  t.alike(
    [health.newest, health.previous],
    [
      { responses, timeouts },
      { responses, timeouts }
    ]
  )
  t.is(health.oldest, undefined)
  t.is(health.cold, true)
  for (let i = 0; i < 3; i++) health.update()
  t.alike(health.oldest, { responses, timeouts })
  t.is(health.cold, false)
  t.is(health.idle, true)
  health.reset()
  t.alike([health.newest, health.cold, health.online], [undefined, true, true])
})

test('health: offline after two ticks of silence, online after reset', async t => {
  const dht = await node(t, { bootstrap: [] })
  const { health } = dht
  for (let i = 0; i < 4; i++) health.update()
  for (let i = 0; i < 2; i++) {
    const lost = Array.from({ length: 5 }, () => dht.ping(SILENT, { retry: false }).catch(noop))
    await Promise.all(lost)
    const update = i === 1 ? once(dht, 'network-update') : null
    health.update()
    t.is(health.timeouts, 5)
    t.is(health.newest.offline, true)
    await update
  }
  t.alike([health.online, dht.online], [false, false])
  const update = once(dht, 'network-update')
  health.reset()
  await update
  t.alike([health.online, dht.online], [true, true])
})

test('table: rows, and their events', async t => {
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
  t.teardown(() => dht.destroy({ force: true }))
  await dht.fullyBootstrapped()
  const { table } = dht
  t.is(table.rows.length, 256)
  const rows = []
  const events = []
  table.on('row', row => {
    rows.push(row)
    for (const name of ['add', 'remove']) row.on(name, node => events.push([name, node.port]))
  })

  dht.addNode({ host: '127.0.0.1', port: 40_001 })
  const [first] = table.toArray()
  await until(() => rows.length === 1)
  const [row] = rows
  t.is(table.rows[row.index], row)
  t.alike([row.table === table, row.byteOffset, row.data], [true, row.index >> 3, null])
  t.alike(
    row.nodes.map(({ port }) => port),
    [40_001]
  )
  t.is(row.get(first.id).port, 40_001)
  t.is(row.get(b4a.alloc(32)), null)

  t.is(table.remove(first.id), true)
  t.is(table.remove(first.id), false)
  await until(() => events.some(([name]) => name === 'remove'))
  t.is(table.has(first.id), false)
  t.is(table.size, 0)
  t.is(table.add({ ...first, id: first.id }), true)
  t.is(table.has(first.id), true)
  t.is(rows.length, 1)
})

test('nodes.remove', async t => {
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
  t.teardown(() => dht.destroy({ force: true }))
  await dht.fullyBootstrapped()
  for (const port of [40_001, 40_002]) dht.addNode({ host: '127.0.0.1', port })
  const [, node] = dht.nodes.toArray()
  dht.nodes.remove(node)
  t.alike(
    dht.nodes.toArray().map(({ port }) => port),
    [40_001]
  )
  dht.nodes.add(node)
  t.is(dht.nodes.length, 2)
  t.is(dht.nodes.latest.port, 40_002)
})

/** A node, and another one that does not answer `50`. `asked` gives the next such request. */
async function responder(t) {
  const net = await testnet(t, 2)
  const requests = []
  let wake = noop
  class Responder extends DHT {
    onrequest(req) {
      if (req.command !== 50) return super.onrequest(req)
      requests.push(req)
      wake()
      return true
    }
  }
  const other = new Responder({ bootstrap: net.bootstrap, host: '127.0.0.1' })
  t.teardown(() => other.destroy())
  await other.fullyBootstrapped()
  const dht = await node(t, net)
  const asked = async () => {
    while (requests.length === 0) {
      await new Promise(resolve => {
        wake = resolve
      })
    }
    return requests.shift()
  }
  return { dht, to: other.address(), asked }
}

async function until(condition) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 1))
}

function noop() {}
