// What the reference has and this version has not says so (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, thrown } = require('../helpers/fixtures')

test('methods', async t => {
  const dht = await node(t, await testnet(t, 1))
  for (const name of ['pool', 'createRawStream']) {
    refused(t, name, () => dht[name]())
  }
  refused(t, 'connectRawStream', () => DHT.connectRawStream())
})

test('options that would change what happens', async t => {
  const dht = await node(t, await testnet(t, 1))
  const key = b4a.alloc(32)

  refused(t, 'udx', () => new DHT({ bootstrap: [], udx: {} }))
  for (const name of ['pool', 'createHandshake', 'createSecretStream']) {
    refused(t, `connect ${name}`, () => dht.connect(key, { [name]: {} }))
    refused(t, `server ${name}`, () => dht.createServer({ [name]: {} }))
  }
})

test('nonsense where a function or a number is due', async t => {
  const net = await testnet(t, 1)
  const dht = await node(t, net)
  for (const listener of [5, 'x', {}]) {
    t.ok(thrown(() => dht.createServer({}, listener)) instanceof TypeError)
  }
  for (const ttl of ['x', 256, -1]) {
    const err = await dht.ping(net.bootstrap[0], { ttl }).catch(err => err)
    t.ok(/ttl/.test(err.message), err.message)
  }
})

test('a timeout longer than a timer can be waits', async t => {
  const dht = await node(t, await testnet(t, 1))
  const stream = dht.connect(b4a.alloc(32))
  stream.on('error', () => {})
  stream.setTimeout(Infinity)
  t.is(stream.timeout, 0x7fffffff)
  stream.destroy()
})

function refused(t, name, call) {
  says(t, thrown(call), name)
}

function says(t, err, name = '') {
  t.ok(/not supported in this version/.test(err?.message), `${name} ${err}`)
  t.is(err?.code, 'NOT_SUPPORTED')
}
