// The network of the soak: nodes that stay, members that come and go, and what they do.

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import createTestnet from '../../testnet.js'
import DHT from '../../index.js'
import { Transfer, echo } from './transfer.mjs'
import random from '../../__test__/helpers/random.js'
import { holders, strangers } from './holders.mjs'

const STAYING_NODES = 12
const MEMBERS = 6

/**
 * Servers, and records, take turns with a fixed number of keys: the stores reach their size early.
 */
const KEYS = 48

/** Milliseconds between two actions of an actor, at most. */
const MAX_PAUSE = 200

/** Milliseconds after which a connection or an answer is stuck: longer than any time-out. */
const STUCK = 60_000

/** Actions and how often each is chosen. */
const ACTIONS = [
  ['transfer', 60],
  ['breakOff', 15],
  ['immutable', 8],
  ['mutable', 7],
  ['relisten', 5],
  ['replace', 5]
]

/** All nodes and connections, and the failures. */
export class Crowd {
  static async start(seed) {
    return new Crowd(await createTestnet(STAYING_NODES), random.generator(seed))
  }

  constructor(testnet, chance) {
    this.testnet = testnet
    this.staying = testnet.nodes.slice()
    this.chance = chance
    this.freeKeys = Array.from({ length: KEYS }, () => DHT.keyPair())
    this.records = Array.from({ length: KEYS }, () => ({ keyPair: DHT.keyPair(), seq: 0 }))
    this.values = Array.from({ length: KEYS }, () => randomBytes(1 + Math.floor(chance() * 900)))
    this.members = []
    this.open = new Set()
    this.wrong = []
    this.counts = { verified: 0, takenByOthers: 0 }
    for (const [name] of ACTIONS) this.counts[name] = 0
  }

  /** All members come. */
  async gather() {
    while (this.members.length < MEMBERS) await this.join()
  }

  /** Runs a random action after a pause. Keeps a failure for the report. */
  async act() {
    await setTimeout(this.chance() * MAX_PAUSE)
    const name = this.choose(ACTIONS)
    this.counts[name]++
    try {
      await within(STUCK, this[name](), name)
    } catch (err) {
      this.wrong.push(`${name}: ${err.stack}`)
    }
  }

  // What members do.

  async transfer() {
    const { server } = this.any(this.members)
    const { node } = this.any(this.members)
    if (!server.publicKey) return
    const transfer = new Transfer(node.connect(server.publicKey), this.chance)
    this.watch(transfer.conn)
    if (await transfer.run()) this.counts.verified++
  }

  async breakOff() {
    const { node } = this.any(this.members)
    const { server } = this.any(this.members)
    if (node.destroyed || !server.publicKey) return
    const query = this.chance() < 0.5 ? node.findPeer(server.publicKey) : node.lookup(server.target)
    let left = Math.floor(this.chance() * 4)
    try {
      for await (const _ of query) if (left-- === 0) break
    } catch (err) {
      if (!node.destroyed && !/destroyed/i.test(err.message)) throw err
    }
  }

  async immutable() {
    const { node } = this.any(this.members)
    const value = this.any(this.values)
    await unlessGone(node, async () => {
      const { hash, closestNodes } = await node.immutablePut(value)
      const getter = this.any(this.staying)
      const got = await getter.immutableGet(hash)
      if (got?.value.equals(value)) return
      const found = got === null ? 'nothing' : 'another value'
      await this.miss({ getter, closestNodes, found, target: hash, seq: null })
    })
  }

  async mutable() {
    const { node } = this.any(this.members)
    const record = this.any(this.records)
    if (record.busy) return
    record.busy = true
    const value = this.any(this.values)
    try {
      await unlessGone(node, async () => {
        const seq = ++record.seq
        const { closestNodes } = await node.mutablePut(record.keyPair, value, { seq })
        const { publicKey } = record.keyPair
        const getter = this.any(this.staying)
        const got = await getter.mutableGet(publicKey)
        if (got?.value.equals(value)) return
        const found = got === null ? 'nothing' : `number ${got.seq}`
        await this.miss({ getter, closestNodes, found, target: DHT.hash(publicKey), seq })
      })
    } finally {
      record.busy = false
    }
  }

  /**
   * A value was not found. That is a mistake, unless nodes of another network on this machine took
   * it and none of ours has it: a port that a node of one network leaves may become that of a node
   * of the other, and so the networks meet.
   */
  async miss({ getter, closestNodes, found, target, seq }) {
    const others = this.staying.filter(node => node !== getter)
    const have = await holders(getter, others, target, seq)
    const strange = strangers(closestNodes, this.staying)
    if (have === 0 && strange > 0) {
      this.counts.takenByOthers++
      return
    }
    const what = seq === null ? 'an immutable value' : `number ${seq}`
    throw new Error(
      `${closestNodes.length} nodes were sent ${what}, ${strange} of them of another network; ` +
        `${have} of those that stay have it; found was ${found}`
    )
  }

  async relisten() {
    const member = this.any(this.members)
    if (member.busy) return
    member.busy = true
    try {
      await member.server.close()
      this.freeKeys.push(member.keyPair)
      await this.listen(member)
    } finally {
      member.busy = false
    }
  }

  /** A member goes, now and then in the middle of everything, and another comes. */
  async replace() {
    const member = this.any(this.members)
    if (member.busy || this.members.length <= MEMBERS / 2) return
    member.busy = true
    this.members.splice(this.members.indexOf(member), 1)
    await member.node.destroy({ force: this.chance() < 0.3 })
    this.freeKeys.push(member.keyPair)
    await this.join()
  }

  // Coming and going.

  async join() {
    const node = this.testnet.createNode()
    await node.fullyBootstrapped()
    const member = { node, server: null, keyPair: null, busy: false }
    await this.listen(member)
    this.members.push(member)
  }

  async listen(member) {
    const server = member.node.createServer(conn => {
      this.watch(conn)
      echo(conn, this.chance)
    })
    member.keyPair = this.freeKeys.splice(Math.floor(this.chance() * this.freeKeys.length), 1)[0]
    await server.listen(member.keyPair)
    member.server = server
  }

  /** All members go; resolves with how many connections are still open when they have. */
  async leave() {
    for (const { node } of this.members.splice(0)) await within(STUCK, node.destroy(), 'destroy')
    return this.open.size
  }

  end() {
    return this.testnet.destroy()
  }

  // The numbers of the report.

  mistakes(left) {
    const enough = this.counts.verified > 0
    return [
      { ok: this.wrong.length === 0, text: `actions: ${this.summary()}${lines(this.wrong)}` },
      { ok: left === 0, text: `connections that did not close: ${left}` },
      { ok: enough, text: `transfers whose bytes came back in full: ${this.counts.verified}` }
    ]
  }

  summary() {
    return Object.entries(this.counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ')
  }

  /** Counts of the objects that the permanent nodes keep. */
  tables() {
    const sum = { records: 0, routes: 0, openConnections: this.open.size }
    for (const node of this.staying) {
      sum.routes += node.toArray().length
      sum.records += node._persistent?.records.size || 0
      for (const [name, n] of Object.entries(node._live())) sum[name] = (sum[name] || 0) + n
    }
    return sum
  }

  // Helpers.

  watch(conn) {
    this.open.add(conn)
    conn.on('close', () => this.open.delete(conn))
  }

  any(list) {
    return list[Math.floor(this.chance() * list.length)]
  }

  choose(weighted) {
    let left = this.chance() * weighted.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of weighted) {
      left -= weight
      if (left < 0) return name
    }
  }
}

/** A node that another actor destroys meanwhile may fail. */
async function unlessGone(node, action) {
  try {
    await action()
  } catch (err) {
    if (!node.destroyed) throw err
  }
}

/** Rejects when `promise` takes so long that it is stuck. */
async function within(ms, promise, name) {
  const timer = new AbortController()
  const stuck = setTimeout(ms, null, timer).then(() => {
    throw new Error(`${name} is stuck`)
  })
  stuck.catch(noop)
  try {
    return await Promise.race([promise, stuck])
  } finally {
    timer.abort()
  }
}

/** The first few of a list, one under the other. */
function lines(list) {
  return list
    .slice(0, 10)
    .map(text => '\n       ' + text)
    .join('')
}

function noop() {}
