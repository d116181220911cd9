// Records and queries: cases in which ours differs from the reference (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, rejected, testnet, thrown } = require('../helpers/fixtures')

const VALUE = b4a.from('a value')
const TARGET = b4a.alloc(32, 1)

test('what is no record is refused', async t => {
  const dht = await node(t, await testnet(t, 3))
  const keyPair = DHT.keyPair()
  const { publicKey } = keyPair
  const bad = {
    'immutablePut, a string': [/value/, dht.immutablePut('text')],
    'immutablePut, nothing': [/value/, dht.immutablePut(null)],
    'immutablePut, no bytes': [/value/, dht.immutablePut(new Uint16Array(2))],
    'immutableGet, a string': [/target/, dht.immutableGet('text')],
    'immutableGet, 31 bytes': [/target/, dht.immutableGet(b4a.alloc(31))],
    'mutablePut, a string': [/value/, dht.mutablePut(keyPair, 'text')],
    'mutablePut, nothing': [/value/, dht.mutablePut(keyPair, null)],
    'mutablePut, no key pair': [/keyPair/, dht.mutablePut(null, VALUE)],
    'mutablePut, no secret key': [/secretKey/, dht.mutablePut({ publicKey }, VALUE)],
    'mutablePut, seq -1': [/seq/, dht.mutablePut(keyPair, VALUE, { seq: -1 })],
    'mutablePut, seq 1.5': [/seq/, dht.mutablePut(keyPair, VALUE, { seq: 1.5 })],
    'mutablePut, a signer that is none': [
      /signMutable/,
      dht.mutablePut(keyPair, VALUE, { signMutable: 1 })
    ],
    'mutablePut, a short signature': [
      /signature/,
      dht.mutablePut(keyPair, VALUE, { signMutable: () => b4a.alloc(63) })
    ],
    'mutableGet, a string': [/publicKey/, dht.mutableGet('text')],
    'mutableGet, 33 bytes': [/publicKey/, dht.mutableGet(b4a.alloc(33))],
    'mutableGet, seq': [/seq/, dht.mutableGet(publicKey, { seq: '1' })],
    'mutableGet, refresh': [/refresh/, dht.mutableGet(publicKey, { refresh: true })]
  }
  for (const [name, [words, promise]] of Object.entries(bad)) {
    refused(t, name, words, await rejected(promise))
  }
})

test('a value that fits into no datagram is refused', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net)
  const keyPair = DHT.keyPair()

  for (const at of [dht, net.nodes[1]]) {
    const room = at.ephemeral ? 1970 : 1938
    const immutable = await rejected(at.immutablePut(b4a.alloc(room + 1)))
    t.is(immutable.message, `value must be at most ${room} bytes`)
    const mutable = await rejected(at.mutablePut(keyPair, b4a.alloc(room + 1)))
    t.is(mutable.message, `value must be at most ${room - 100} bytes`)
    t.ok(mutable instanceof RangeError)
  }
  await dht.immutablePut(b4a.alloc(1970))
  await dht.mutablePut(keyPair, b4a.alloc(1870), { seq: 252 })
  const long = await rejected(dht.mutablePut(keyPair, b4a.alloc(1870), { seq: 253 }))
  t.is(long.message, 'value must be at most 1868 bytes')
})

test('refresh asks whenever something was found', async t => {
  const net = await testnet(t, 5)
  const [writer, reader] = [await node(t, net), await node(t, net)]
  const keyPair = DHT.keyPair()
  const { closestNodes } = await writer.mutablePut(DHT.keyPair(), VALUE)

  for (const [seq, at] of closestNodes.entries()) {
    const only = { nodes: [at], onlyClosestNodes: true }
    await writer.mutablePut(keyPair, VALUE, { seq: seq + 1, ...only })
    let asked = null
    const found = await reader.mutableGet(keyPair.publicKey, {
      refresh(result) {
        asked = result
      }
    })
    t.is(found.seq, seq + 1)
    t.is(asked, found)
  }
})

test('hooks that are no functions', async t => {
  const dht = await node(t, await testnet(t, 1))
  const keyPair = DHT.keyPair()
  const query = { target: TARGET, command: 100, value: null }
  const bad = {
    map: () => dht.query(query, { map: 1 }),
    commit: () => dht.lookup(TARGET, { commit: 'yes' }),
    signAnnounce: () => dht.announce(TARGET, keyPair, [], { signAnnounce: {} }),
    signUnannounce: () => dht.unannounce(TARGET, keyPair, { signUnannounce: {} }),
    secretKey: () => dht.announce(TARGET, { publicKey: keyPair.publicKey }, [])
  }
  for (const [name, call] of Object.entries(bad)) {
    refused(t, name, new RegExp(name), thrown(call))
  }
})

test('a commit that throws has failed, one that returns has not', async t => {
  const dht = await node(t, await testnet(t, 4))
  let commits = 0
  const commit = () => {
    if (commits++ === 0) throw new Error('first')
  }
  await dht.lookup(TARGET, { commit }).finished()
  t.ok(commits > 1)

  const thrower = () => {
    throw new Error('all')
  }
  const failed = dht.lookup(TARGET, { commit: thrower })
  t.is((await rejected(failed.finished())).message, 'all')
})

function refused(t, name, words, err) {
  const right = err instanceof TypeError || err instanceof RangeError
  t.ok(right && words.test(err.message), `${name}: ${err}`)
}

test('a commit whose token is refused is made again with the new one', async t => {
  const net = await testnet(t, 3)
  const dht = await node(t, net)
  const target = DHT.hash(VALUE)
  const [command, put] = [9, 8] // IMMUTABLE_GET, IMMUTABLE_PUT
  const nodes = [{ host: '127.0.0.1', port: net.nodes[1].address().port }]
  const tokens = []
  const answers = []

  async function commit({ token, from }) {
    tokens.push(token)
    const given = tokens.length === 1 ? b4a.alloc(32) : token
    const answer = await dht.request({ token: given, target, command: put, value: VALUE }, from)
    answers.push(answer.error)
    return answer
  }
  const query = dht.query(
    { target, command, value: null },
    { nodes, onlyClosestNodes: true, commit }
  )
  await query.finished()

  t.is(tokens.length, 2)
  t.alike(answers, [DHT.ERROR_INVALID_TOKEN, DHT.OK])
  const found = await net.nodes[2].immutableGet(target)
  t.alike(found.value, VALUE)
})
