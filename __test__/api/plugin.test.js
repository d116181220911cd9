const test = require('brittle')
const b4a = require('b4a')
const { DHT, Plugin } = require('../helpers/implementation')
const { node, testnet, thrown } = require('../helpers/fixtures')

const TARGET = b4a.alloc(32, 5)
const VALUE = b4a.from('a value')
const PLUGIN = 10

test('a plugin serves requests of the same plugin', async t => {
  const { server, client, to } = await pair(t)
  const reply = await client.plugin.request({ command: 7, target: TARGET, value: VALUE }, to)
  t.alike(reply.value, b4a.from('served'))
  t.is(reply.error, 0)
  t.ok(reply.closerNodes.length > 0)

  const [{ req, outerReq }] = server.plugin.seen
  t.alike(req, { plugin: 'echo', version: 1, command: 7, value: VALUE })
  t.is(outerReq.command, PLUGIN)
  t.alike(outerReq.target, TARGET)
  t.is(outerReq.from.port, client.address().port)
})

test('without a value and a target', async t => {
  const { server, client, to } = await pair(t)
  await client.plugin.request({ command: 0 }, to)
  const [{ req, outerReq }] = server.plugin.seen
  t.is(req.value, null)
  t.is(outerReq.target, null)
})

test('a token of an earlier reply', async t => {
  const { server, client, to } = await pair(t)
  const { token } = await client.plugin.request({ command: 0 }, to)
  await client.plugin.request({ command: 0, token }, to)
  t.alike(server.plugin.seen[1].outerReq.token, token)
})

test('a query asks all nodes with the plugin', async t => {
  const { net, client, to } = await pair(t)
  const replies = []
  const query = client.plugin.query({ command: 3, target: TARGET, value: VALUE }, { retries: 0 })
  query.on('data', reply => replies.push(reply))
  await query.finished()
  t.is(replies.length, 1)
  t.alike(replies[0].value, b4a.from('served'))
  t.is(replies[0].from.port, to.port)
  t.is(query.errors, net.nodes.length, 'the others do not serve it')
})

test('another version, another name, no message: silence', async t => {
  const { server, client, to } = await pair(t)
  const silent = [
    new Echo('echo', 2).asked(client),
    new Echo('other', 1).asked(client),
    opts => client.request({ command: PLUGIN, value: VALUE }, to, opts),
    opts => client.request({ command: PLUGIN }, to, opts)
  ].map(ask => ask({ retry: false }, to))
  for (const { reason } of await Promise.allSettled(silent)) t.is(reason?.code, 'REQUEST_TIMEOUT')
  t.is(server.plugin.seen.length, 0)
})

test('a persistent node without plugins is silent', async t => {
  const net = await testnet(t, 3)
  const client = await withPlugin(t, net)
  const persistent = net.nodes[1]
  t.ok(persistent.id)
  const to = { host: '127.0.0.1', port: persistent.address().port }
  const { reason } = (await Promise.allSettled([ask(client, to)]))[0]
  t.is(reason?.code, 'REQUEST_TIMEOUT')

  function ask({ plugin }, to) {
    return plugin.request({ command: 1 }, to, { retry: false })
  }
})

test('a node that is not persistent does not serve plugins', async t => {
  const net = await testnet(t, 3)
  const server = await withPlugin(t, net)
  const client = await withPlugin(t, net)
  const to = { host: '127.0.0.1', port: server.io.serverSocket.address().port }
  const reply = await client.plugin.request({ command: 1 }, to)
  t.is(reply.error, DHT.ERROR_UNKNOWN_COMMAND)
  t.is(server.plugin.seen.length, 0)
})

test('what a plugin is told', async t => {
  const net = await testnet(t, 3)
  const told = []
  class Told extends Plugin {
    onregister(dht) {
      super.onregister(dht)
      told.push('register')
    }

    onpersistent() {
      told.push('persistent')
    }

    destroy() {
      told.push('destroy')
    }
  }
  const plugin = new Told('told', 1)
  t.is(plugin.dht, null)
  const dht = new DHT({ ...PERSISTENT, bootstrap: net.bootstrap })
  dht.on('persistent', () => told.push('event'))
  dht.on('close', () => told.push('close'))
  t.is(dht.register('told', plugin), undefined)
  t.is(plugin.dht, dht)
  t.is(dht.plugins.get('told'), plugin)
  await dht.fullyBootstrapped()
  await dht.destroy()
  t.alike(told, ['register', 'persistent', 'event', 'destroy', 'close'])
})

test('a plugin registered later serves, and is not told of the past', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net, PERSISTENT)
  const plugin = new Echo('echo', 1)
  dht.register('echo', plugin)
  const client = await withPlugin(t, net)
  const to = { host: '127.0.0.1', port: dht.address().port }
  t.alike((await client.plugin.request({ command: 1 }, to)).value, b4a.from('served'))
  t.alike(plugin.told, [])
})

test('two plugins, and one of them taken away', async t => {
  const { server, client, to } = await pair(t)
  const second = new Echo('second', 5)
  server.register('second', second)
  await new Echo('second', 5).asked(client)({}, to)
  t.is(second.seen.length, 1)
  server.plugins.delete('second')
  const err = await new Echo('second', 5)
    .asked(client)({ retry: false }, to)
    .catch(err => err)
  t.is(err.code, 'REQUEST_TIMEOUT')
  await client.plugin.request({ command: 1 }, to)
  t.is(server.plugin.seen.length, 1)
})

test('what a plugin has to implement', t => {
  const plugin = new Plugin('name', 3)
  t.is(plugin.name, 'name')
  t.is(plugin.version, 3)
  for (const name of ['onrequest', 'onpersistent', 'destroy']) {
    t.is(thrown(() => plugin[name]())?.message, `${name}() must be implemented`)
  }
})

test('plugins behind an overridden onrequest', async t => {
  const net = await testnet(t, 3)
  const seen = []
  class Watching extends DHT {
    onrequest(req) {
      seen.push(req.command)
      const result = super.onrequest(req)
      if (req.command === PLUGIN) t.is(result, true)
      return result
    }
  }
  const dht = new Watching({ ...PERSISTENT, bootstrap: net.bootstrap })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  dht.register('echo', new Echo('echo', 1))
  const client = await withPlugin(t, net)
  const to = { host: '127.0.0.1', port: dht.address().port }
  t.alike((await client.plugin.request({ command: 1 }, to)).value, b4a.from('served'))
  t.ok(seen.includes(PLUGIN))
})

const PERSISTENT = { ephemeral: false, firewalled: false, host: '127.0.0.1' }

class Echo extends Plugin {
  seen = []
  told = []

  onrequest(req, outerReq) {
    this.seen.push({ req, outerReq })
    outerReq.reply(b4a.from('served'))
  }

  onpersistent() {
    this.told.push('persistent')
  }

  destroy() {
    this.told.push('destroy')
  }

  /** Returns a function that sends a request of this plugin, which is not registered. */
  asked(dht) {
    this.dht = dht
    return (opts, to) => this.request({ command: 1 }, to, opts)
  }
}

async function withPlugin(t, net, options) {
  const dht = await node(t, net, options)
  dht.plugin = new Echo('echo', 1)
  dht.register('echo', dht.plugin)
  return dht
}

/** A persistent node with a plugin, and one that asks it. */
async function pair(t) {
  const net = await testnet(t, 3)
  const server = await withPlugin(t, net, PERSISTENT)
  const client = await withPlugin(t, net)
  return { net, server, client, to: { host: '127.0.0.1', port: server.address().port } }
}
