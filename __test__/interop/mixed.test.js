// Half of the nodes are ours, half are of the reference. Each finds what either of them stores,
// also after half of all nodes, chosen at random, were killed. Damaged datagrams change only
// counters.

const test = require('brittle')
const b4a = require('b4a')
const { crypto } = require('../helpers/runtime')
const freePort = require('../helpers/free-port')
const { generator, seed, shuffled } = require('../helpers/random')
const { World } = require('./world')
const plan = require('./plan')

const NODES = 20

/** A share of the datagrams of each node of the reference, both ways. */
const DAMAGE = 0.01

test('a mixed network finds what either stored', { timeout: 180_000 }, async t => {
  const network = await Network.create(t)
  const things = await network.putAll()
  await network.findAll(t, things, 'all nodes')

  await network.killHalf(t)
  await network.findAll(t, things, 'half of the nodes')
})

test('damaged datagrams change nothing but counters', { timeout: 180_000 }, async t => {
  const network = await Network.create(t)
  await network.damage()
  const before = await network.states()
  const things = await network.putAll()
  await network.findAll(t, things, 'all nodes')

  await network.killHalf(t)
  await network.findAll(t, things, 'half of the nodes')
  await network.dropped(t, things)
  const after = await network.states()
  for (const [label, state] of after) t.alike(state, before.get(label), label)
})

class Network {
  static async create(t) {
    t.comment(`HYPERDHT_SEED=${seed}`)
    const network = new Network(new World())
    t.teardown(() => network.world.destroy())
    await network.start()
    return network
  }

  constructor(world) {
    this.world = world
    this.random = generator(seed)
    this.members = []
  }

  /** Starts nodes of both kinds in turns. The first one is the bootstrap node of the others. */
  async start() {
    const kinds = Array.from({ length: NODES }, (_, i) => (i % 2 ? 'reference' : plan.ours))
    const spawned = kinds.map(kind => this.world.spawn('member', kind, plan.runtime))
    const children = await Promise.all(spawned)
    this.members = children.map((child, i) => ({ child, kind: kinds[i], name: `member ${i}` }))

    let bootstrap = null
    for (const { child, name } of this.members) {
      const options = bootstrap ? { bootstrap } : { port: await freePort() }
      const { port, persistent } = await child.call('start', options)
      if (!persistent) throw new Error(`${name} is not persistent`)
      if (bootstrap === null) bootstrap = [{ host: '127.0.0.1', port }]
    }
  }

  async damage() {
    for (const [i, { child }] of this.of('reference').entries()) {
      await child.call('damage', { rate: DAMAGE, seed: seed + i })
    }
  }

  /**
   * Each implementation stores an announcement and records. Each also renews one mutable record.
   */
  async putAll() {
    const things = []
    const mutable = { kind: 'mutable', seed: randomHex() }
    for (const [seq, { child, kind }] of [
      this.first(plan.ours),
      this.last('reference')
    ].entries()) {
      things.push(await child.call('put', { kind: 'announce', topic: randomHex() }))
      things.push(await child.call('put', { kind: 'immutable', value: `kept by ${kind}` }))
      things.push(await child.call('put', { kind: 'mutable', seed: randomHex(), seq, value: kind }))
      mutable.last = await child.call('put', { ...mutable, seq, value: `renewed by ${kind}` })
    }
    return [...things, mutable.last]
  }

  /** Every node finds every thing. */
  async findAll(t, things, when) {
    const missing = []
    const ask = async ({ child, name }, thing) => {
      const found = await child.call('find', thing)
      if (!found.includes(thing.expected)) missing.push({ by: name, thing, found })
    }
    await Promise.all(this.members.flatMap(each => things.map(thing => ask(each, thing))))
    t.alike(missing, [], `${when} find all ${things.length} things`)
  }

  /** The state of our nodes that damaged datagrams must not change. */
  async states() {
    const states = new Map()
    for (const { child, name } of this.of(plan.ours)) states.set(name, await child.call('state'))
    return states
  }

  async killHalf(t) {
    const [gone, left] = halves(shuffled(this.members, this.random))
    t.comment(`killed: ${gone.map(({ kind }) => kind).join(' ')}`)
    for (const { child } of gone) await child.kill()
    this.members = left
  }

  /** Asks on until one of our nodes has counted something that was damaged. */
  async dropped(t, things) {
    const ours = this.of('native')
    if (ours.length === 0) return

    let dropped = 0
    while (dropped === 0) {
      const asking = this.members.map(({ child }) => child.call('find', things[0]))
      await Promise.all(asking)
      for (const { child } of ours) dropped += (await child.call('counters')).dropped
    }
    t.comment(`dropped by ours: ${dropped}`)
    t.comment(`damaged: ${await this.sum('damaged')}`)
    t.pass('our nodes counted what was damaged')
  }

  async sum(counter) {
    let sum = 0
    for (const { child } of this.members) sum += (await child.call('counters'))[counter]
    return sum
  }

  of(kind) {
    return this.members.filter(member => member.kind === kind)
  }

  first(kind) {
    return this.of(kind)[0]
  }

  last(kind) {
    return this.of(kind).at(-1)
  }
}

function halves(array) {
  const middle = Math.floor(array.length / 2)
  return [array.slice(0, middle), array.slice(middle)]
}

function randomHex() {
  return b4a.toString(crypto.randomBytes(32), 'hex')
}
