// The same requests, good and bad, get the same answers from a persistent node of either
// implementation.

const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const DHT = require('hyperdht-reference')
const m = require('hyperdht-reference/lib/messages')
const Persistent = require('hyperdht-reference/lib/persistent')
const { COMMANDS } = require('hyperdht-reference/lib/constants')
const { crypto, process } = require('../helpers/runtime')
const { World } = require('./world')
const plan = require('./plan')

const ROUNDS = 8

/** The congestion window holds 80 requests: those of a round leave in order, at once. */
const REQUESTS = 60

test('stores answer alike', { timeout: 120_000 }, async t => {
  const seed = process.env.HYPERDHT_SEED || b4a.toString(crypto.randomBytes(8), 'hex')
  t.comment('HYPERDHT_SEED=' + seed)

  const [expected, actual] = await Promise.all([
    answers(t, 'reference', seed),
    answers(t, plan.ours, seed)
  ])

  let different = 0
  for (const [i, answer] of expected.entries()) {
    if (answer === actual[i]) continue
    if (different++ < 5) t.comment(`request ${i}\n  ${answer}\n  ${actual[i]}`)
  }
  t.is(different, 0, `${expected.length} requests`)
  const silent = expected.filter(answer => answer.endsWith('REQUEST_TIMEOUT'))
  t.ok(silent.length > 0 && silent.length < expected.length, silent.length + ' met with silence')
})

/** The answers of a node of this kind to the requests of this seed. */
async function answers(t, kind, seed) {
  const world = await World.create(kind, plan.runtime)
  t.teardown(() => world.destroy())
  const { bootstrap } = world
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()

  const query = dht.lookup(TOPICS[0])
  await query.finished()
  const to = query.closestNodes[0]
  const random = new Random(seed)
  const told = []
  for (let round = 0; round < ROUNDS; round++) {
    const lookup = { command: COMMANDS.LOOKUP, target: TOPICS[0], token: null, value: null }
    const { from, token } = await dht.request(lookup, to)
    const requests = Array.from({ length: REQUESTS }, () => request(random, token, from.id))
    const asked = requests.map(async ({ name, ...request }) => {
      const answer = dht.request(request, to, { retry: false })
      return (
        name +
        ' ' +
        (await answer.then(
          r => describe(request, r),
          err => err.code
        ))
      )
    })
    told.push(...(await Promise.all(asked)))
  }
  return told
}

/** A request of any kind, perhaps damaged. The same numbers are drawn for any token and id. */
function request(random, token, id) {
  const made = random.pick(MAKERS)(random, token, id)
  const { name, command, target = null, value = null } = made
  const damage = random.below(12)
  const at = random.below(1 << 16)
  const bit = 1 << random.below(8)
  const request = { name: `${name}, ${damage}`, command, target, token, value }

  if (damage === 1) request.token = null
  if (damage === 2) request.target = random.below(2) ? null : TOPICS[2]
  if (damage === 3 && value?.byteLength) request.value = value.subarray(0, at % value.byteLength)
  if (damage === 4 && value?.byteLength) {
    request.value = b4a.from(value)
    request.value[at % value.byteLength] ^= bit
  }
  if (damage === 5) request.value = random.below(2) ? null : random.bytes(at % 200)
  return request
}

const MAKERS = [
  announce,
  announce,
  refresh,
  unannounce,
  mutablePut,
  mutableGet,
  immutablePut,
  immutableGet,
  lookup,
  findPeer,
  unknown
]

function announce(random, token, id) {
  const { keyPair, target } = announced(random)
  const port = 1 + random.below(1000)
  const relayAddresses = Array.from({ length: random.below(6) }, (_, n) => ({
    host: '10.0.0.' + n,
    port
  }))
  const refresh = random.below(2) ? random.pick(LINKS) : null
  const bump = random.pick(BUMPS)
  const message = { peer: { publicKey: keyPair.publicKey, relayAddresses }, refresh, bump }
  message.signature = Persistent.signAnnounce(target, token, id, message, keyPair)
  const value = c.encode(m.announce, message)
  return { name: 'announce', command: COMMANDS.ANNOUNCE, target, value }
}

function refresh(random) {
  const value = c.encode(m.announce, { refresh: random.pick(LINKS) })
  return { name: 'refresh', command: COMMANDS.ANNOUNCE, target: random.pick(TOPICS), value }
}

function unannounce(random, token, id) {
  const { keyPair, target } = announced(random)
  const message = { peer: { publicKey: keyPair.publicKey, relayAddresses: [] } }
  message.signature = Persistent.signUnannounce(target, token, id, message, keyPair)
  const value = c.encode(m.announce, message)
  return { name: 'unannounce', command: COMMANDS.UNANNOUNCE, target, value }
}

function mutablePut(random) {
  const keyPair = random.pick(KEYS)
  const { publicKey } = keyPair
  const seq = random.pick(SEQS)
  const content = random.pick(VALUES)
  const signature = Persistent.signMutable(seq, content, keyPair)
  const value = c.encode(m.mutablePutRequest, { publicKey, seq, value: content, signature })
  const target = DHT.hash(publicKey)
  return { name: 'mutable put', command: COMMANDS.MUTABLE_PUT, target, value }
}

function mutableGet(random) {
  const target = DHT.hash(random.pick(KEYS).publicKey)
  const value = c.encode(c.uint, random.pick(SEQS))
  return { name: 'mutable get', command: COMMANDS.MUTABLE_GET, target, value }
}

function immutablePut(random) {
  const value = random.pick(VALUES)
  const target = DHT.hash(value)
  return { name: 'immutable put', command: COMMANDS.IMMUTABLE_PUT, target, value }
}

function immutableGet(random) {
  const target = DHT.hash(random.pick(VALUES))
  return { name: 'immutable get', command: COMMANDS.IMMUTABLE_GET, target }
}

function lookup(random) {
  return { name: 'lookup', command: COMMANDS.LOOKUP, target: announced(random).target }
}

function findPeer(random) {
  return { name: 'findPeer', command: COMMANDS.FIND_PEER, target: announced(random).target }
}

function unknown(random) {
  return { name: 'unknown', command: 11 + random.below(300), target: random.pick(TOPICS) }
}

/** A key under a topic, or under its own hash. */
function announced(random) {
  const keyPair = random.pick(KEYS)
  const own = random.below(3) === 0
  const topic = random.pick(TOPICS)
  return { keyPair, target: own ? DHT.hash(keyPair.publicKey) : topic }
}

/** An answer as text, without the parts that differ from node to node and from moment to moment. */
function describe({ command }, { error, token, closerNodes, value }) {
  const gives = [token ? 'token' : '', closerNodes ? 'nodes' : ''].join(' ')
  if (error || command !== COMMANDS.LOOKUP || !value) {
    return [error, gives, value && b4a.toString(value, 'hex')].join(' | ')
  }
  const { peers, bump } = c.decode(m.lookupRawReply, value)
  const records = peers.map(peer => b4a.toString(c.encode(m.peer, peer), 'hex')).sort()
  return [error, gives, records.join(' '), bump].join(' | ')
}

/** Numbers that follow from a seed. */
class Random {
  constructor(seed) {
    this.state = DHT.hash(b4a.from(seed))
  }

  below(limit) {
    this.state = DHT.hash(this.state)
    return (this.state[0] | (this.state[1] << 8) | (this.state[2] << 16)) % limit
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  bytes(length) {
    return b4a.from(Array.from({ length }, () => this.below(256)))
  }
}

const TOPICS = [1, 2, 3].map(n => b4a.alloc(32, n))
const KEYS = [1, 2, 3, 4].map(n => DHT.keyPair(b4a.alloc(32, n)))
const VALUES = ['', 'one', 'two'].map(text => b4a.from(text)).concat(b4a.alloc(1200, 7))
const SEQS = [0, 1, 2, 3, 252, 253, 70_000, 2 ** 40]

/** Each is the hash of the next. */
const LINKS = [b4a.alloc(32, 9)]
while (LINKS.length < 6) LINKS.unshift(DHT.hash(LINKS[0]))

const HOUR = 3600_000
const BUMPS = [0, 1, Date.now() - HOUR, Date.now(), Date.now() + HOUR]
