// Tests that look inside the node and its engine.

const test = require('brittle')
const b4a = require('b4a')
const busyFor = require('../helpers/busy')
const connectToProcess = require('../helpers/remote')
const runProgram = require('../helpers/run-program')
const { process } = require('../helpers/runtime')
const { internalsOf } = require('../../lib/util/internals')
const { node, pair, testnet, thrown } = require('../helpers/fixtures')

const skip = process.platform === 'win32'

test('an engine that cannot start does not keep the process', { skip }, async t => {
  const under = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh']
  const { code, lines } = await runProgram('no-engine', { under })
  t.alike(lines, ['EMFILE'])
  t.is(code, 0)
})

test('a batch that throws half-way leaves the node open for others', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const arrived = new Promise(resolve => {
    const messages = []
    server.on('data', data => {
      messages.push(b4a.toString(data))
      if (messages.length === 2) resolve(messages)
    })
  })
  const { native } = internalsOf(dhts[1])
  const conn = client._channel._id

  const batch = throwing([b4a.from('one'), null])
  t.is(thrown(() => native.writev(conn, batch)).message, 'half-way')
  const reader = { conn, takeConsumed: () => 0 }
  t.is(thrown(() => native.consumed(throwing([reader, null]))).message, 'half-way')
  client.write('two')

  t.alike(await arrived, ['one', 'two'])
})

test('events that were left by an earlier drain say nothing about later ones', async t => {
  const { dht, conn } = await connectToProcess(t)
  const { native } = internalsOf(dht)

  const roomForOne = b4a.alloc(12)
  let drained = 0
  while ((drained & 1) === 0) {
    for (const text of ['one', 'two']) native.writev(conn._channel._id, [b4a.from(text)])
    busyFor(50) // the peer answers
    drained = native.drain(roomForOne)
  }
  t.is(native.drain(b4a.alloc(4096)) & 1, 1, 'the engine may have more')
  conn.destroy()
})

test('the statistics that a program holds follow without waiting for the core', async t => {
  const net = await testnet(t)
  const dht = await node(t, net, { firewalled: false })
  const { requests } = dht.stats
  const { total, responses } = requests
  const asked = []
  const { native } = internalsOf(dht)
  const { inspect } = native
  native.inspect = function (name, argument) {
    asked.push(name)
    return inspect.call(this, name, argument)
  }

  await dht.ping(net.nodes[0].address())
  t.is(requests.total, total + 1)
  t.is(requests.responses, responses + 1)
  t.ok(asked.length > 0)
  t.absent(asked.includes('stats'), 'which takes the lock of the core')

  t.is(dht.stats.requests.total, total + 1, 'nothing counts twice')
  await dht.ping(net.nodes[0].address())
  t.is(requests.total, total + 2)
})

// A list whose last item throws when it is read.
function throwing(items) {
  Object.defineProperty(items, items.length - 1, {
    get() {
      throw new Error('half-way')
    }
  })
  return items
}
