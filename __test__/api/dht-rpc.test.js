// Nodes with commands of a program: the package `dht-rpc` is the reference.

const test = require('brittle')
const b4a = require('b4a')
const freePort = require('../helpers/free-port')
const { RPC } = require('../helpers/implementation')
const { once, record, rejected, sleep, thrown } = require('../helpers/fixtures')

const GET = 0
const PUT = 1
const UNKNOWN = 30

test('statics', t => {
  t.alike(RPC.DEFAULTS, { concurrency: 10, maxWindow: 80, maxPingDelay: 10_000 })
  t.alike([RPC.OK, RPC.ERROR_UNKNOWN_COMMAND, RPC.ERROR_INVALID_TOKEN], [0, 1, 2])
  t.is(thrown(() => RPC.bootstrapper())?.message, 'Port is required')
  t.is(thrown(() => RPC.bootstrapper(1, '::'))?.message, 'Invalid host')
})

test('a node on any port, and its events', async t => {
  const dht = new RPC({ host: '127.0.0.1', ephemeral: false, firewalled: false })
  t.teardown(() => dht.destroy())
  const seen = record(dht, ['listening', 'ready', 'close'])
  t.alike([dht.bootstrapNodes, dht.ephemeral, dht.destroyed], [[], true, false])
  await dht.fullyBootstrapped()
  t.alike(seen, ['listening', 'ready'])
  t.alike([dht.address().host, dht.address().family], ['127.0.0.1', 4])
  t.ok(dht.address().port > 0)
  await dht.destroy()
  t.alike(seen, ['listening', 'ready', 'close'])
  t.is((await rejected(dht.ping({ host: '127.0.0.1', port: 1 }))).message, 'Node destroyed')
})

test('a request of a program, and its reply', async t => {
  const { nodes } = await network(t, 2)
  const [here, there] = nodes
  const arrived = once(there, 'request')
  there.on('request', req => {
    if (req.command === UNKNOWN) req.error(7)
    else req.reply(b4a.from('a reply'))
  })
  const target = b4a.alloc(32, 'target')
  const value = b4a.from('a value')
  const reply = await here.request({ command: GET, target, value }, there.address())
  t.alike(reply.value, b4a.from('a reply'))
  t.is(reply.error, 0)
  t.is(reply.from.port, there.address().port)
  t.is(reply.token.byteLength, 32)

  const req = await arrived
  t.alike([req.command, req.internal], [GET, false])
  t.alike([req.target, req.value], [target, value])
  t.is(req.from.host, '127.0.0.1')
  const failed = await here.request({ command: UNKNOWN }, there.address())
  t.alike([failed.error, failed.value], [7, null])
})

test('commands that hyperdht would take are those of the program', async t => {
  const { nodes } = await network(t, 2)
  const commands = []
  nodes[1].on('request', req => {
    commands.push(req.command)
    req.reply(null)
  })
  for (let command = 0; command <= 12; command++) {
    const target = b4a.alloc(32)
    const { error } = await nodes[0].request({ command, target }, nodes[1].address())
    t.is(error, 0)
  }
  t.alike(
    commands,
    Array.from({ length: 13 }, (_, command) => command)
  )
})

test('without a listener every command is unknown', async t => {
  const { nodes } = await network(t, 2)
  const { error } = await nodes[0].request({ command: GET }, nodes[1].address())
  t.is(error, RPC.ERROR_UNKNOWN_COMMAND)
})

test('a subclass answers requests', async t => {
  class Answering extends RPC {
    onrequest(req) {
      if (req.command !== GET) return false
      req.reply(b4a.from('of the class'))
    }
  }
  const { nodes } = await network(t, 2, Answering)
  const got = await nodes[0].request({ command: GET }, nodes[1].address())
  t.alike(got.value, b4a.from('of the class'))
  const { error } = await nodes[0].request({ command: PUT }, nodes[1].address())
  t.is(error, RPC.ERROR_UNKNOWN_COMMAND)
})

test('a query that stores, and one that finds', async t => {
  const { nodes } = await network(t, 12)
  for (const dht of nodes) {
    let stored = null
    dht.on('request', req => {
      if (req.command === PUT) {
        if (req.token === null) return req.reply(null)
        stored = req.value
        return req.reply(null)
      }
      req.reply(stored)
    })
  }
  const target = b4a.alloc(32, 'key')
  const value = b4a.from('stored')
  const put = nodes[3].query({ target, command: PUT, value }, { commit: true })
  await put.finished()
  t.ok(put.closestNodes.length > 5)

  let found = 0
  for await (const reply of nodes[8].query({ target, command: GET })) {
    if (reply.value !== null) {
      t.alike(reply.value, value)
      found++
    }
  }
  t.ok(found > 5)
})

test('pings, and a session', async t => {
  const { nodes } = await network(t, 2)
  const [here, there] = nodes
  const { from } = await here.ping(there.address())
  t.is(from.port, there.address().port)
  const session = here.session()
  const waiting = session.request({ command: GET }, { host: '127.0.0.1', port: 9 })
  session.destroy()
  t.is((await rejected(waiting)).code, 'REQUEST_DESTROYED')
})

test('nodes find each other', async t => {
  const { nodes } = await network(t, 6)
  for (const dht of nodes) t.ok(dht.toArray().length >= 1)
  const found = []
  for await (const { from } of nodes[1].findNode(nodes[4].id)) found.push(from.port)
  t.ok(found.includes(nodes[4].address().port))
})

for (const option of ['filterNode', 'addNode']) {
  test(`${option} chooses the nodes of the routing table`, async t => {
    const { bootstrap, nodes } = await network(t, 4)
    const refused = nodes[2].address().port
    const asked = new Map()
    const dht = await another(t, bootstrap, {
      [option](from) {
        asked.set(from.port, from)
        return from.port !== refused
      }
    })
    for (const { port } of nodes.map(other => other.address())) {
      await dht.ping({ host: '127.0.0.1', port })
    }
    while (dht.toArray().length < nodes.length) await sleep(10)

    const { id, host } = asked.get(refused)
    t.alike([id, host], [nodes[2].id, '127.0.0.1'], 'it was asked')
    const ports = dht.toArray().map(other => other.port)
    const others = nodes.filter(other => other !== nodes[2]).map(other => other.address().port)
    t.alike(ports.sort(), [...others, bootstrap.address().port].sort())
    dht.addNode(nodes[2].address())
    t.is(dht.toArray().length, nodes.length + 1, 'the program may add it')
  })
}

test('a filter that refuses all', async t => {
  const { bootstrap, nodes } = await network(t, 2)
  let calls = 0
  const dht = await another(t, bootstrap, {
    filterNode() {
      calls++
      return 0
    }
  })
  const { error } = await dht.request({ command: GET }, nodes[0].address())
  t.is(error, RPC.ERROR_UNKNOWN_COMMAND)
  while (calls === 0) await sleep(10)
  t.alike(dht.toArray(), [])
})

async function another(t, bootstrap, options) {
  const { port } = bootstrap.address()
  const dht = new RPC({ host: '127.0.0.1', bootstrap: [{ host: '127.0.0.1', port }], ...options })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}

/** Nodes that are persistent, on a bootstrap node of their own. */
async function network(t, size, Class = RPC) {
  const bootstrap = RPC.bootstrapper(await freePort(), '127.0.0.1', { host: '127.0.0.1' })
  t.teardown(() => bootstrap.destroy())
  await bootstrap.fullyBootstrapped()
  const nodes = []
  const opts = { ephemeral: false, firewalled: false, host: '127.0.0.1' }
  for (let i = 0; i < size; i++) {
    const dht = new Class({
      ...opts,
      bootstrap: [{ host: '127.0.0.1', port: bootstrap.address().port }]
    })
    t.teardown(() => dht.destroy())
    await dht.fullyBootstrapped()
    nodes.push(dht)
  }
  return { bootstrap, nodes }
}
