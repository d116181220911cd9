// Hyperswarm: a topic, suspend and resume, the firewall, and a blind relay.

const test = require('brittle')
const crypto = require('crypto')
const { Apps, implementations, install, isLong, named, pairs } = require('./helpers/apps')

const TIMEOUT = { timeout: 120_000 }
const PEERS = 5

install()

for (const swarm of swarms()) {
  test(`five peers of a topic: ${swarm.join(', ')}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const peers = await start(apps, swarm)
    await joinAll(peers, { server: true, client: true })
    await allMeet(peers)
    t.pass('each has met each other')
  })
}

for (const pair of pairs) {
  test(`suspend and resume: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const peers = await start(apps, [pair.server, pair.client])
    await joinAll(peers, { server: true, client: true })
    await allMeet(peers)
    const [suspended, other] = peers

    const alone = meets(other, [])
    await suspended.child.call('suspend')
    await Promise.all([alone, meets(suspended, [])])
    t.pass('the connection ends')

    await suspended.child.call('resume')
    await allMeet(peers)
    t.pass('they meet again')
  })

  test(`a firewall: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const [refused, welcome] = await start(apps, [pair.client, pair.client])
    const [server] = await start(apps, [pair.server], { refuses: [refused.publicKey] })
    const told = server.child.next('refused')
    const topic = newTopic()

    await server.child.call('join', { topic, server: true, client: false })
    await refused.child.call('join', { topic, server: false, client: true })
    t.is(await told, refused.publicKey)
    await welcome.child.call('join', { topic, server: false, client: true })
    await Promise.all([meets(welcome, [server]), meets(server, [welcome]), meets(refused, [])])
    t.pass('the other one is let in')
  })

  test(`relayThrough: ${named(pair)}`, TIMEOUT, async t => {
    const apps = await Apps.start(t)
    const relay = await apps.program('blind-relay', 'reference')
    const { publicKey } = await relay.call('listen', { bootstrap: apps.bootstrap })
    const peers = await start(apps, [pair.server, pair.client], { relay: publicKey })
    const topic = newTopic()

    await peers[0].child.call('join', { topic, server: true, client: false })
    await peers[1].child.call('join', { topic, server: false, client: true })
    await allMeet(peers)
    const { pairings } = await relay.call('stats')
    t.ok(pairings.matched > 0, 'the relay has paired them')
  })
}

/** What each of the five peers runs. */
function swarms() {
  const uniform = implementations.map(each => new Array(PEERS).fill(each))
  if (uniform.length === 1) return uniform
  const mixed = Array.from({ length: PEERS }, (_, i) => implementations[i % 2])
  const ours = uniform[implementations.indexOf('native')]
  return isLong ? [ours, mixed] : [mixed]
}

/** A peer per implementation: { child, publicKey }. */
function start(apps, kinds, options) {
  return Promise.all(
    kinds.map(async kind => {
      const child = await apps.program('hyperswarm', kind)
      const { publicKey } = await child.call('start', { bootstrap: apps.bootstrap, ...options })
      return { child, publicKey }
    })
  )
}

/** One after another: of two that look and announce at once, neither sees the other for minutes. */
async function joinAll(peers, options) {
  const topic = newTopic()
  for (const { child } of peers) await child.call('join', { topic, ...options })
}

function allMeet(peers) {
  return Promise.all(
    peers.map(peer =>
      meets(
        peer,
        peers.filter(other => other !== peer)
      )
    )
  )
}

function meets({ child }, others) {
  return child.call('meets', { peers: others.map(({ publicKey }) => publicKey) })
}

function newTopic() {
  return crypto.randomBytes(32).toString('hex')
}
