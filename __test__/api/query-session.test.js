const test = require('brittle')
const b4a = require('b4a')
const { node, rejected, testnet } = require('../helpers/fixtures')
const { responders } = require('../helpers/responder')

const COMMAND = 1042
const QUERY = { target: b4a.alloc(32, 3), command: COMMAND, value: null }

test('the end of a session ends its queries with what they have', async t => {
  const { dht, options } = await network(t)
  const session = dht.session()
  const query = session.query(QUERY, options)
  query.on('data', () => query.successes === 3 && session.destroy())
  await query.finished()
  t.is(query.closestNodes.length, 3)

  const second = dht.lookup(QUERY.target, { session })
  await second.finished()
  t.pass('the session can be used again')
})

test('it commits what it has', async t => {
  const { dht, options } = await network(t)
  for (const way of ['function', 'true']) {
    const session = dht.session()
    let commits = 0
    const commit = way === 'true' || (async () => commits++)
    const query = dht.query(QUERY, { ...options, commit, session })
    query.on('data', () => query.successes === 3 && session.destroy(new Error('unseen')))
    await query.finished()
    if (way === 'function') t.is(commits, 3)
    t.is(query.closestNodes.length, 3)
  }
})

test('nobody has answered', async t => {
  const { dht, silent, requests } = await network(t)
  const only = { nodes: [silent], onlyClosestNodes: true }
  for (const commit of [undefined, async () => {}]) {
    const session = dht.session()
    const query = session.query(QUERY, { ...only, commit })
    const end = rejected(query.finished())
    requests.length = 0
    while (requests.length === 0) await dht.ping(silent)
    session.destroy()
    t.is((await end)?.message, commit && 'Too few nodes responded')
  }
})

test('a query that has not begun goes on', async t => {
  const { dht, options } = await network(t)
  const session = dht.session()
  const nodes = options.nodes.slice(0, 3)
  const query = session.query(QUERY, { ...options, nodes })
  session.destroy()
  await query.finished()
  t.is(query.closestNodes.length, 3)
})

// Three nodes that answer, and one that never does.
async function network(t) {
  const net = await testnet(t, 2)
  const loud = await responders(t, net, 3, req => {
    if (req.command !== COMMAND) return false
    req.reply(b4a.from('yes'))
  })
  const { addresses, requests } = await responders(t, net, 1, req => req.command === COMMAND)
  const dht = await node(t, net)
  const [silent] = addresses
  const options = { nodes: [...loud.addresses, silent], onlyClosestNodes: true }
  return { dht, silent, requests, options }
}
