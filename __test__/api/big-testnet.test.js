// Many nodes in one process: 100, and 500 with HYPERDHT_LONG.

const test = require('brittle')
const b4a = require('b4a')
const { process } = require('../helpers/runtime')
const { DHT, createTestnet, isNative } = require('../helpers/implementation')
const { once } = require('../helpers/fixtures')

const SIZE = process.env.HYPERDHT_LONG ? 500 : 100

test(`a testnet of ${SIZE} nodes`, { timeout: 180_000 }, async t => {
  const testnet = await createTestnet(SIZE)
  const [first, ...others] = testnet.nodes

  t.is(testnet.nodes.length, SIZE)
  t.ok(testnet.nodes.every(node => node.bootstrapped))
  t.is(first.id, null, 'nobody has told the bootstrap node its address')
  t.ok(
    others.every(node => !node.ephemeral && node.id.byteLength === 32),
    'the others are persistent'
  )
  t.ok(
    others.slice(21).every(node => node.toArray().length >= 20),
    'who came late knows many'
  )

  await finds(t, testnet)

  const closed = testnet.nodes.map(node => once(node, 'close'))
  await testnet.destroy()
  await Promise.all(closed)
  t.ok(testnet.nodes.every(node => node.destroyed))
  if (isNative) t.alike(leftovers(testnet), {}, 'nothing is left of them')
})

/** The last node finds what the second announced, and connects to it. */
async function finds(t, testnet) {
  const [server, client] = [testnet.nodes[1], testnet.nodes.at(-1)]
  const topic = b4a.alloc(32, 9)
  await server.announce(topic, server.defaultKeyPair, []).finished()
  const found = []
  for await (const { peers } of client.lookup(topic)) found.push(...peers)
  t.alike(found[0]?.publicKey, server.defaultKeyPair.publicKey, 'a lookup finds')

  const listener = server.createServer(conn => conn.end('hello'))
  await listener.listen(DHT.keyPair())
  const conn = client.connect(listener.publicKey)
  t.is(b4a.toString(await once(conn, 'data')), 'hello')
  conn.end()
  await once(conn, 'close')
}

/** Counts of JavaScript's objects for the core that are not 0, over all nodes. */
function leftovers(testnet) {
  const left = {}
  for (const node of testnet.nodes) {
    for (const [name, count] of Object.entries(node._live())) {
      if (name.startsWith('js') && count !== 0) left[name] = (left[name] || 0) + count
    }
  }
  return left
}
