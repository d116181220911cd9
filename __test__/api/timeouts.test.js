const test = require('brittle')
const b4a = require('b4a')
const { node, testnet } = require('../helpers/fixtures')

test('down hints: sent, not sent, limited', async t => {
  const net = await testnet(t, 4)
  const [all, none, few] = await Promise.all([
    node(t, net),
    node(t, net, { sendDownHints: false }),
    node(t, net, { downHintsRateLimit: 0 })
  ])
  const unlimited = await node(t, net, { downHintsRateLimit: -1 })
  await net.nodes[3].destroy()

  const dhts = [all, none, few, unlimited]
  const target = b4a.alloc(32, 7)
  await Promise.all(dhts.map(dht => dht.findNode(target, { retries: 0 }).finished()))
  t.ok(all.stats.commands.downHint.tx > 0)
  t.is(none.stats.commands.downHint.tx, 0)
  t.is(few.stats.commands.downHint.tx, 0)
  t.ok(unlimited.stats.commands.downHint.tx > 0)
})

test('adaptive timeouts', async t => {
  const net = await testnet(t, 4)
  const adaptiveTimeout = { fallback: [10], min: 10, max: 10, jitter: 0 }
  const [plain, adaptive] = await Promise.all([node(t, net), node(t, net, { adaptiveTimeout })])
  const gone = address(net.nodes[3])
  await net.nodes[3].destroy()

  const { retries } = adaptive.stats.requests
  const ended = []
  const ping = (dht, name, opts) =>
    dht.ping(gone, opts).catch(err => ended.push(`${name} ${err.code}`))
  await Promise.all([ping(plain, 'plain', { retry: false }), ping(adaptive, 'adaptive')])
  t.alike(ended, ['adaptive REQUEST_TIMEOUT', 'plain REQUEST_TIMEOUT'])
  t.ok(adaptive.stats.requests.retries - retries >= 3)
})

test('adaptive timeouts with the defaults', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net, { adaptiveTimeout: true })
  const { from } = await dht.ping(address(net.nodes[1]))
  t.is(from.port, net.nodes[1].address().port)
})

function address(dht) {
  return { host: '127.0.0.1', port: dht.address().port }
}
