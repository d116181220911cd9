// What streams cost in memory: a writer that does not wait for 'drain', a reader that stops, a flood
// of messages. The sizes are those of whole processes, so the bounds are generous.

const test = require('brittle')
const { process } = require('../helpers/runtime')
const freePort = require('../helpers/free-port')
const { World } = require('./world')
const plan = require('./plan')

const MIB = 1024 * 1024

const isLong = process.env.HYPERDHT_LONG === '1'

/** What allocators and garbage collectors may add, and what the first messages of a process cost. */
const SLACK = 40 * MIB

const KINDS = ['connection', 'raw stream']

const WRITTEN = 200 * MIB

/** Connections whose reader stops. */
const COUNT = 4

/** Bytes of a write. */
const LARGE = 64 * 1024
const SMALL = 100

const OURS = { server: plan.ours, client: plan.ours }

const WAIT = { timeout: 300_000 }

for (const { kind, ...pair } of cells()) {
  test(`a writer that does not wait for drain: ${named(kind, pair)}`, WAIT, async t => {
    const { reader, writer } = await connect(t, kind, pair, 1)
    await warmUp(writer)
    await Promise.all([reader.call('watch'), writer.call('watch')])
    await writer.call('write', { size: LARGE, bytes: WRITTEN, waits: false })
    await check(t, pair.client, writer, 'writer', WRITTEN + WRITTEN / 4 + SLACK)
    await check(t, pair.server, reader, 'reader', 8 * MIB + SLACK)
  })

  for (const size of [LARGE, SMALL]) {
    test(`a reader that stops: ${named(kind, pair)}, ${size} bytes a write`, WAIT, async t => {
      const { reader, writer } = await connect(t, kind, pair, COUNT)
      await stall(reader, writer, size)
      await check(t, pair.client, writer, 'writer', COUNT * 8 * MIB + SLACK)
      await check(t, pair.server, reader, 'reader', COUNT * 8 * MIB + SLACK)
    })
  }
}

test('a flood of unordered messages', WAIT, async t => {
  const { reader, writer } = await connect(t, 'connection', OURS, 1)
  await warmUp(writer)
  await Promise.all([reader.call('watch'), writer.call('watch')])
  await writer.call('send', { count: 200_000, size: 1000 })
  await check(t, OURS.client, writer, 'sender', SLACK)
  await check(t, OURS.server, reader, 'receiver', SLACK)
})

test('a relay between a fast writer and a reader that stops', WAIT, async t => {
  const { reader, writer, relay } = await connect(t, 'relayed', OURS, 1)
  await warmUp(writer)
  await relay.call('watch')
  await stall(reader, writer, LARGE, 128 * MIB)
  await check(t, plan.ours, relay, 'relay', SLACK)
})

/**
 * Pairs of ours, and in the long run those with the reference. The reference proves the test in its
 * own run. Only ours is held to the bounds.
 */
function cells() {
  const own = KINDS.map(kind => ({ kind, ...OURS }))
  if (!isLong || plan.ours === 'reference') return own
  const mixed = plan.pairs(plan.ours).filter(({ server, client }) => server !== client)
  return [...own, ...mixed.map(pair => ({ kind: 'connection', ...pair }))]
}

/** Streams from a writer to a reader, in processes of their own. */
async function connect(t, kind, { server, client }, count) {
  const world = new World()
  t.teardown(() => world.destroy())
  const reader = await world.spawn('memory', server, plan.runtime)
  const writer = await world.spawn('memory', client, plan.runtime)
  if (kind === 'raw stream') {
    const { port: there } = await reader.call('bindRaw', { count })
    const { port: here } = await writer.call('bindRaw', { count })
    await reader.call('connectRaw', { port: here })
    await writer.call('connectRaw', { port: there })
    return { reader, writer }
  }

  const port = await freePort('127.0.0.1')
  const bootstrap = [{ host: '127.0.0.1', port }]
  await reader.call('start', { port })
  await writer.call('start', { bootstrap })
  const middle = kind === 'relayed' ? await startRelay(world, bootstrap) : { key: null }
  const { publicKey } = await reader.call('listen', { relay: middle.key })
  await writer.call('connect', { publicKey, count, relay: middle.key })
  return { reader, writer, relay: middle.relay }
}

async function startRelay(world, bootstrap) {
  const relay = await world.spawn('relay', plan.ours, plan.runtime)
  const { publicKey: key } = await relay.call('listen', { bootstrap })
  return { relay, key }
}

/** The first messages of a process make it grow, too. */
async function warmUp(writer) {
  await writer.call('write', { size: LARGE, bytes: 16 * MIB, waits: true })
}

/** Writes until nothing drains any more. */
async function stall(reader, writer, size, bytes = 32 * MIB) {
  await warmUp(writer)
  await reader.call('pause')
  await Promise.all([reader.call('watch'), writer.call('watch')])
  await writer.call('write', { size, bytes, waits: true })
}

async function check(t, implementation, child, name, limit) {
  const grown = await child.call('grown')
  const text = `${name} (${implementation}) grew by ${(grown / MIB).toFixed(1)} MiB`
  if (implementation === 'native') t.ok(grown < limit, text)
  else t.comment(text)
}

function named(kind, { server, client }) {
  return `${kind}, ${client} to ${server}`
}
