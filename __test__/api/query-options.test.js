const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { closed, node, once, rejected, testnet } = require('../helpers/fixtures')
const { responders } = require('../helpers/responder')

const TARGET = b4a.alloc(32, 3)
const COMMAND = 1042
const QUERY = { target: TARGET, command: COMMAND, value: b4a.from('question') }

test('fields', async t => {
  const dht = await node(t, await testnet(t, 2))
  const map = reply => reply
  const query = dht.query(QUERY, { map, concurrency: 4, retries: 2, force: true })
  t.is(query.dht, dht)
  t.is(query.target, TARGET)
  t.is(query.command, COMMAND)
  t.is(query.value, QUERY.value)
  t.is(query.map, map)
  const { k, internal, force, concurrency, inflight, errors, successes, retries } = query
  const numbers = { k, concurrency, inflight, errors, successes, retries }
  t.alike(numbers, { k: 20, concurrency: 4, inflight: 0, errors: 0, successes: 0, retries: 2 })
  t.alike({ internal, force }, { internal: false, force: true })
  t.alike([query.closestReplies, query.closestNodes], [[], []])

  const plain = dht.findNode(TARGET)
  t.alike([plain.internal, plain.force, plain.concurrency], [true, false, 10])
  t.alike([plain.retries, plain.value], [5, null])
  t.is(dht.findNode(TARGET, { retries: 0 }).retries, 0)
})

test('replies, errors and successes', async t => {
  const net = await testnet(t, 3)
  const { requests, nodes } = await responders(t, net, 4, answer('yes'))
  const dht = await node(t, net)

  const query = dht.query(QUERY)
  const replies = await read(query)
  t.is(replies.length, 4, 'only those without an error')
  t.alike([query.successes, query.errors], [4, 3])
  for (const reply of replies) {
    const names = ['tid', 'rtt', 'from', 'to', 'token', 'closerNodes', 'error', 'value']
    t.alike(Object.keys(reply), names)
    t.alike(reply.value, b4a.from('yes'))
    t.is(reply.error, 0)
    t.is(reply.token.byteLength, 32)
    t.is(reply.from.id.buffer.byteLength, 32)
    t.is(reply.to.id, null)
    t.is(reply.to.port, dht.address().port)
  }
  t.alike(ports(query.closestNodes), nodes.map(portOf).sort())
  t.alike(ports(query.closestReplies.map(reply => reply.from)), nodes.map(portOf).sort())
  t.alike(query.closestReplies.map(distance), query.closestReplies.map(distance).sort())
  t.alike(requests.map(req => req.value).pop(), QUERY.value)
})

test('it starts when it is read', async t => {
  const net = await testnet(t, 2)
  const { requests } = await responders(t, net, 3, answer('yes'))
  const dht = await node(t, net)

  const query = dht.query({ ...QUERY, command: COMMAND + 1 })
  await dht.query(QUERY).finished()
  t.absent(requests.some(req => req.command === COMMAND + 1))
  await query.finished()
  t.is(requests.filter(req => req.command === COMMAND + 1).length, 3)
})

test('closerNodes: their ids are told by queries', async t => {
  const net = await testnet(t, 4)
  const dht = await node(t, net)
  const [first] = await read(dht.findNode(TARGET, { nodes: [portOnly(net.nodes[1])] }))
  t.ok(first.closerNodes.length > 0)
  for (const { id, host, port } of first.closerNodes) {
    const known = net.nodes.find(each => each.address().port === port)
    t.is(host, '127.0.0.1')
    t.alike(id, known.id)
  }
  const reply = await dht.request({ command: 3, target: TARGET }, portOnly(net.nodes[1]))
  t.ok(reply.closerNodes.every(({ id }) => id === null))
})

test('closestReplies while it runs', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 4, answer('yes'))
  const dht = await node(t, net)
  const query = dht.query(QUERY)
  let read = 0
  query.on('data', reply => {
    read++
    t.ok(query.closestReplies.some(({ from }) => from.port === reply.from.port))
    t.ok(query.closestReplies.length >= read)
    t.is(query.closestNodes.length, query.closestReplies.length)
    t.ok(query.successes >= read)
  })
  await query.finished()
  t.is(read, 4)
})

test('map', async t => {
  const net = await testnet(t, 2)
  const { nodes } = await responders(t, net, 4, answer('yes'))
  const dht = await node(t, net)
  const one = portOf(nodes[0])

  const mapped = await read(dht.query(QUERY, { map: ({ from }) => ({ port: from.port }) }))
  t.alike(mapped.map(({ port }) => port).sort(), nodes.map(portOf).sort())
  for (const falsy of [null, undefined, false, 0, '']) {
    const map = ({ from }) => (from.port === one ? 'this' : falsy)
    t.alike(await read(dht.query(QUERY, { map })), ['this'])
  }
  const query = dht.query(QUERY, { map: () => null })
  t.alike(await read(query), [])
  t.alike([query.successes, query.closestNodes.length], [4, 4], 'they count')

  await dht.announce(TARGET, DHT.keyPair(), []).finished()
  const [found] = await read(dht.lookup(TARGET, { map: () => 'mine' }))
  t.is(found.peers.length, 1, 'a lookup has its own')
})

test('the replies of the result are those that the stream gave', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 4, answer('yes'))
  const dht = await node(t, net)
  const query = dht.query(QUERY)
  const given = []
  for await (const reply of query) given.push(reply)

  t.is(query.closestReplies.length, 4)
  t.ok(query.closestReplies.every(reply => given.includes(reply)))
})

test('nodes, closestNodes, replies, closestReplies, onlyClosestNodes', async t => {
  const net = await testnet(t, 2)
  const { addresses, requests } = await responders(t, net, 5, answer('yes'))
  const dht = await node(t, net)
  const first = dht.query(QUERY)
  await first.finished()
  const [a, b] = first.closestNodes
  const [replyA, replyB] = first.closestReplies

  const ways = {
    nodes: [a, b],
    closestNodes: [a, b],
    replies: [replyA, replyB],
    closestReplies: [replyA, replyB]
  }
  for (const [name, value] of Object.entries(ways)) {
    const query = dht.query(QUERY, { [name]: value, onlyClosestNodes: true })
    await query.finished()
    t.alike(query.closestNodes, [a, b], `only ${name}`)
    t.is(query.errors, 0)
    t.is(await count(dht.query(QUERY, { [name]: value })), 5, `${name} to begin with`)
  }
  const none = dht.query(QUERY, { nodes: [], onlyClosestNodes: true })
  t.is(await count(none), 0)
  const plain = dht.query(QUERY, { nodes: addresses.slice(0, 1), onlyClosestNodes: true })
  t.is(await count(plain), 1, 'nodes need no id')
  t.ok(requests.length > 0)
})

test('nodes that are silent: retries and force', async t => {
  const net = await testnet(t, 2)
  const { addresses, requests } = await responders(t, net, 1, () => true)
  const dht = await node(t, net)
  const only = { nodes: addresses, onlyClosestNodes: true }

  for (const options of [{ retries: 0 }, { force: true }, { retries: 1 }]) {
    requests.length = 0
    const query = dht.query(QUERY, { ...only, ...options })
    t.is(await count(query), 0)
    t.alike([query.successes, query.errors], [0, 1])
    t.is(requests.length, options.retries === 1 ? 2 : 1, JSON.stringify(options))
  }
})

test('commit: a function', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 3, answer('yes'))
  const dht = await node(t, net)
  const calls = []
  let pending = 0
  const commit = async (...args) => {
    calls.push(args)
    pending++
    await dht.ping(args[0].from)
    pending--
  }
  const query = dht.query(QUERY, { commit })
  await query.finished()

  t.is(pending, 0, 'waits for them')
  t.is(calls.length, 3)
  t.alike(
    calls.map(([reply]) => reply.from.port),
    query.closestNodes.map(({ port }) => port),
    'the closest first'
  )
  for (const [reply, ...rest] of calls) {
    t.ok(query.closestReplies.includes(reply))
    t.ok(reply.token)
    t.is(rest[0], dht)
    t.is(rest[1], query)
  }
})

test('commit of a lookup, of findPeer and of findNode', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net)
  const queries = {
    lookup: opts => dht.lookup(TARGET, opts),
    findPeer: opts => dht.findPeer(TARGET, opts),
    findNode: opts => dht.findNode(TARGET, opts),
    lookupAndUnannounce: opts => dht.lookupAndUnannounce(TARGET, DHT.keyPair(), opts)
  }
  for (const [name, start] of Object.entries(queries)) {
    let commits = 0
    const query = start({ commit: async () => commits++ })
    await query.finished()
    t.is(commits, query.closestReplies.length, name)
    t.ok(commits > 0)
  }
})

test('commits that fail', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 3, answer('yes'))
  const dht = await node(t, net)
  const failing = n => {
    let calls = 0
    return async () => {
      if (calls++ < n) throw new Error('full')
    }
  }
  await dht.query(QUERY, { commit: failing(2) }).finished()
  t.pass('one success is enough')

  const failed = dht.query(QUERY, { commit: failing(3) })
  t.is((await rejected(failed.finished())).message, 'full')
  t.is(failed.closestNodes.length, 3)

  const nobody = dht.query({ ...QUERY, command: COMMAND - 1 }, { commit: failing(0) })
  t.is((await rejected(nobody.finished())).message, 'Too few nodes responded')
})

test('commit: true sends it again, with the token', async t => {
  const net = await testnet(t, 2)
  const { requests } = await responders(t, net, 3, answer('yes'))
  const dht = await node(t, net)
  const query = dht.query(QUERY, { commit: true })
  t.is(await count(query), 3, 'replies of commits are no data')

  t.is(requests.length, 6)
  const commits = requests.filter(req => req.token)
  t.is(commits.length, 3)
  for (const { target, command, value } of commits) {
    t.alike({ target, command, value }, QUERY)
  }
})

test('commit: true without a token', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 2, answer('yes', { token: false }))
  const dht = await node(t, net)
  const { message } = await rejected(dht.query(QUERY, { commit: true }).finished())
  t.is(message, 'No token received for closest node')
})

test('destroy with an error', async t => {
  const dht = await node(t, await testnet(t, 3))
  const query = dht.lookup(TARGET)
  const end = closed(query)
  const finished = rejected(query.finished())
  query.destroy(new Error('enough'))
  t.is((await end).message, 'enough')
  t.is((await finished).message, 'enough')
  t.is((await rejected(query.finished())).message, 'enough')
})

test('breaking the iteration ends the requests', async t => {
  const net = await testnet(t, 2)
  await responders(t, net, 3, answer('yes'))
  const dht = await node(t, net)
  let commits = 0
  const query = dht.query(QUERY, { commit: async () => commits++ })
  for await (const _ of query) break
  if (!query.destroyed) await once(query, 'close')
  await query.finished()
  await dht.query(QUERY).finished()
  t.is(commits, 0)
})

// 16 replies fill the stream's buffer, and a few more are in flight. The query asks the nodes from
// the farthest to the closest, so that the next one is always closer than those that it knows.
test('a slow reader', async t => {
  const net = await testnet(t, 1)
  const reply = answer('yes', { closerNodes: false })
  const { addresses, requests } = await responders(t, net, 32, reply)
  const dht = await node(t, net)
  const all = dht.query(QUERY, { nodes: addresses })
  await all.finished()
  const near = all.closestNodes
  const far = addresses.filter(({ port }) => !near.some(other => other.port === port))
  const nodes = [...far, ...near.reverse()]

  requests.length = 0
  const query = dht.query(QUERY, { nodes, onlyClosestNodes: true, concurrency: 2 })
  query.read()
  await once(query, 'readable')
  let others = 0
  while (requests.length - others < 16 || others < 100) {
    await dht.query(QUERY, { nodes: nodes.slice(0, 1), onlyClosestNodes: true }).finished()
    others++
  }
  t.ok(requests.length - others <= 26, `${requests.length - others} were asked`)
  t.is(await count(query), 32)
})

test('queries of a node that goes', async t => {
  const net = await testnet(t, 2)
  const { addresses, requests } = await responders(t, net, 1, () => true)
  const dht = await node(t, net)
  const asked = dht.query(QUERY, { nodes: addresses, onlyClosestNodes: true, commit: true })
  const end = rejected(asked.finished())
  while (requests.length === 0) await dht.ping(net.bootstrap[0])
  await dht.destroy()
  t.ok(/destroyed|Too few/.test((await end).message))
})

function answer(text, options) {
  return req => {
    if (req.command < COMMAND) return false
    req.reply(b4a.from(text), options)
  }
}

async function read(query) {
  const all = []
  for await (const data of query) all.push(data)
  return all
}

async function count(query) {
  return (await read(query)).length
}

function portOf(node) {
  return node.address().port
}

function ports(nodes) {
  return nodes.map(({ port }) => port).sort()
}

function distance({ from }) {
  return b4a.toString(
    from.id.map((byte, i) => byte ^ TARGET[i]),
    'hex'
  )
}

function portOnly(dht) {
  return { host: '127.0.0.1', port: dht.address().port }
}
