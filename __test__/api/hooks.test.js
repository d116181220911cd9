// The hook that is set when the program can learn of a client decides about that client, also if
// the hook was set while the client was connecting.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const busyFor = require('../helpers/busy')
const { closed, node, sleep, testnet } = require('../helpers/fixtures')

/**
 * The hooks before and after the client has come, in their order, and what the last one decides.
 */
const CHANGES = {
  'a hook is set': { hooks: [null, refuse], admitted: false },
  'an asynchronous hook is set': { hooks: [null, later(refuse)], admitted: false },
  'a hook that rejects is set': { hooks: [null, later(broken)], admitted: false },
  'a hook that admits is set': { hooks: [null, admit], admitted: true },
  'a hook that admits later is set': { hooks: [null, later(admit)], admitted: true },
  'a hook is set and replaced': { hooks: [null, refuse, admit], admitted: true },
  'a hook is set and replaced by one that refuses': {
    hooks: [null, admit, refuse],
    admitted: false
  },
  'a hook is replaced': { hooks: [admit, refuse], admitted: false },
  'a hook is replaced by one that admits': { hooks: [refuse, admit], admitted: true }
}

test('firewalls that are set while clients are on their way', { timeout: 60_000 }, async t => {
  const net = await testnet(t)
  const [dht, client] = await Promise.all([node(t, net), node(t, net)])
  const servers = []
  for (const [name, change] of Object.entries(CHANGES)) {
    servers.push({ name, ...change, ...(await listen(dht, change.hooks[0])) })
  }

  for (const each of servers) {
    each.conn = client.connect(each.server.publicKey)
    each.conn.write('early')
    each.ended = closed(each.conn)
  }
  busyFor(BUSY)
  for (const { server, set, hooks } of servers) {
    for (const hook of hooks.slice(1)) server.firewall = set(hook)
  }

  for (const { name, admitted, conn, ended, received, log, asked } of servers) {
    const outcome = await Promise.race([received, ended.then(() => 'ended')])
    t.alike(outcome, admitted ? b4a.from('early') : 'ended', name)
    t.ok(asked.length > 0, name + ': it was asked')
    t.ok(
      asked.every(hook => hook.last && b4a.equals(hook.key, client.defaultKeyPair.publicKey)),
      name + ': the last hook, about the client'
    )
    t.is(log.includes('connection'), admitted, name + ': connection')
    t.is(log[0], 'asked', name)
    conn.destroy()
  }
})

test('a connection opens when the program has got it', async t => {
  const net = await testnet(t)
  const [dht, client] = await Promise.all([node(t, net), node(t, net)])
  const { server, set } = await listen(dht, null)
  const events = []
  server.prependListener('connection', conn => {
    events.push('connection', conn.connected)
    conn.on('connect', () => events.push('connect'))
    conn.on('data', data => events.push(b4a.toString(data)))
  })

  const conn = client.connect(server.publicKey)
  conn.on('error', noop)
  conn.write('early')
  const ended = closed(conn)
  busyFor(BUSY)
  server.firewall = set(later(admit))
  conn.end()
  await ended
  t.alike(events, ['connection', false, 'connect', 'early'])
})

/** A server, with a record of its hooks and connections. */
async function listen(dht, hook) {
  const asked = []
  const log = []
  let last = null
  const set = decide => {
    last = decide
    if (decide === null) return undefined
    return key => {
      asked.push({ key, last: decide === last })
      log.push('asked')
      return decide()
    }
  }
  const server = dht.createServer({ firewall: set(hook) })
  const received = new Promise(resolve => {
    server.on('connection', conn => {
      log.push('connection')
      conn.on('error', noop)
      conn.on('data', resolve)
      conn.on('end', () => conn.end())
    })
  })
  await server.listen(DHT.keyPair())
  return { server, set, asked, log, received }
}

function refuse() {
  return true
}

function admit() {
  return false
}

function broken() {
  throw new Error('from the hook')
}

function later(decide) {
  return async () => {
    await sleep(50)
    return decide()
  }
}

/** Much longer than a client on the same host needs. The outcome is the same if it needs longer. */
const BUSY = 500

function noop() {}
