// Hosts whose ways to the internet come, go and change. The router and the nodes of the DHT are in
// the namespace of this process. Prints a line of JSON with what a scene has shown.

const { process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const { host, inside, ip, startRouter } = require('../helpers/namespaces')

const NODES = 6
const PORT = 49737
const BOOTSTRAP = [{ host: '20.0.0.1', port: PORT }]

const scenes = {
  /** A host in two networks, which reaches each of two peers by another one. */
  async two() {
    const us = await host('traveller', 'native', [1, 2])
    const peers = [await peer(3), await peer(4)]
    inside(us, 'ip route add default via 10.1.0.1')
    inside(us, 'ip route add 10.4.0.0/24 via 10.2.0.1')
    await us.call('start', { bootstrap: BOOTSTRAP })
    const seen = []
    for (const { child, key } of peers) {
      const told = child.next('client')
      const { code } = await us.call('connect', key)
      seen.push({ code, told: await told, echo: await us.call('say', { text: 'hello' }) })
    }
    return seen
  },

  /** A host in two networks, and a peer that reaches only the one that the DHT does not see. */
  async cornered() {
    const us = await host('traveller', 'native', [1, 2])
    const them = await peer(4)
    ip('rule', 'add', 'from', '10.4.0.0/24', 'to', '10.1.0.0/24', 'blackhole')
    inside(us, 'ip route add default via 10.1.0.1')
    inside(us, 'ip route add 10.4.0.0/24 via 10.2.0.1')
    await us.call('start', { bootstrap: BOOTSTRAP })
    const { code } = await us.call('connect', them.key)
    return { code, echo: await us.call('say', { text: 'hello' }) }
  },

  /** Another interface takes over, and the first one leads nowhere. No address comes or goes. */
  async change() {
    const { us, them, key } = await connected('native')
    const before = await us.call('say', { text: 'before' })
    const since = clock()
    leave(us)
    const [[after, gap], [{ host }, found]] = await Promise.all([
      us.call('say', { text: 'after' }).then(since),
      them.call('reach', key).then(since)
    ])
    return { before, after, host, ms: { gap, found } }
  },

  /** The same with a peer that cannot follow. */
  async left() {
    const { us } = await connected('reference')
    leave(us)
    return us.call('wear')
  },

  /** The way out is gone for as long as an attempt to connect takes. */
  async vanish() {
    const { us, them, key } = await connected('native')
    inside(us, 'ip route del default')
    const echo = us.call('say', { text: 'after' })
    const away = await us.call('ping', BOOTSTRAP[0])
    const since = clock()
    inside(us, 'ip route add default via 10.1.0.1')
    const [[after, gap], [{ host }, found]] = await Promise.all([
      echo.then(since),
      them.call('reach', key).then(since)
    ])
    return { away, after, host, state: await us.call('state'), ms: { gap, found } }
  },

  /** A node that starts without a way out. */
  async none() {
    const us = await host('traveller', 'native', [1])
    const them = await peer(3)
    await us.call('start', { bootstrap: BOOTSTRAP, wait: false })
    const away = await us.call('connect', them.key)
    const key = await us.call('listen')
    const before = await us.call('state')
    const since = clock()
    inside(us, 'ip route add default via 10.1.0.1')
    const [[there, connected], [here, found], [, open]] = await Promise.all([
      us.call('reach', them.key).then(since),
      them.child.call('reach', key).then(since),
      us.call('opened').then(since)
    ])
    const after = await us.call('state')
    return { away, before, reached: [there, here], after, ms: { connected, found, open } }
  },

  /** Some destinations cannot be sent to, others may not. */
  async refused() {
    const us = await host('traveller', 'native', [1])
    const them = await peer(3)
    inside(us, 'ip route add 20.0.0.0/24 via 10.1.0.1')
    inside(us, 'ip route add 10.3.0.0/24 via 10.1.0.1')
    inside(us, 'ip route add prohibit 20.0.0.3/32')
    await us.call('start', { bootstrap: BOOTSTRAP })
    const { code } = await us.call('connect', them.key)
    const pings = ['30.0.0.1', '20.0.0.3', '20.0.0.1']
    const answers = await Promise.all(pings.map(host => us.call('ping', { host, port: PORT })))
    return { code, answers, echo: await us.call('say', { text: 'after' }) }
  },

  /** The MTU of the host's own interface shrinks while data flows both ways. */
  async device() {
    return narrow(us => {
      ip('link', 'set', 'near1', 'mtu', '1300')
      inside(us, 'ip link set far1 mtu 1300')
    })
  },

  /** The routes of the router carry less, and it tells the senders. */
  async middle() {
    return narrow(narrowRoutes)
  },

  /** The same with a router that tells nobody. */
  async hole() {
    return narrow(() => {
      ip('rule', 'add', 'iif', 'lo', 'to', '10.1.0.2', 'blackhole')
      ip('rule', 'add', 'iif', 'lo', 'to', '10.3.0.2', 'blackhole')
      narrowRoutes()
    })
  },

  /** A host without any network. */
  async alone() {
    const us = await host('traveller', 'native', [])
    await us.call('start', { bootstrap: BOOTSTRAP })
    const away = await us.call('connect', { publicKey: '01'.repeat(32) })
    const { local } = await us.call('state')
    await us.call('destroy')
    return { away, local }
  }
}

main()

async function main() {
  startRouter()
  for (let i = 1; i <= NODES; i++) {
    const address = `20.0.0.${i}`
    ip('addr', 'add', `${address}/32`, 'dev', 'lo')
    const first = i === 1 ? { bootstrap: [] } : { bootstrap: BOOTSTRAP }
    const options = { ...first, host: address, port: PORT, ephemeral: false, firewalled: false }
    await new DHT(options).fullyBootstrapped()
  }
  const [scene] = process.argv.slice(2)
  console.log(JSON.stringify(await scenes[scene]()))
  process.exit(0)
}

/** A host in two networks with a server, and a connection to the server of another host. */
async function connected(implementation) {
  const us = await host('traveller', 'native', [1, 2])
  inside(us, 'ip route add default via 10.1.0.1')
  await us.call('start', { bootstrap: BOOTSTRAP })
  const { child, key } = await peer(3, implementation)
  await us.call('connect', key)
  return { us, them: child, key: await us.call('listen') }
}

/** A connection that is full of data when its path begins to carry less. */
async function narrow(shrink) {
  const us = await host('traveller', 'native', [1])
  inside(us, 'ip route add default via 10.1.0.1')
  await us.call('start', { bootstrap: BOOTSTRAP })
  const them = await peer(3)
  await us.call('connect', them.key)
  const before = await us.call('pour', { bytes: 8 << 20 })
  const since = clock()
  shrink(us)
  const [, noticed] = await us.call('narrowed').then(since)
  const [after, gap] = await us.call('pour', { bytes: 8 << 20 }).then(since)
  return { before, after, ms: { noticed, gap } }
}

/**
 * The router sends fragments of at most 1300 bytes into both networks. A smaller MTU of its own
 * interface would also make it drop larger packets that arrive there, but not those that the kernel
 * has joined.
 */
function narrowRoutes() {
  for (const number of [1, 3]) {
    const route = [`10.${number}.0.0/24`, 'dev', `near${number}`, 'src', `10.${number}.0.1`]
    ip('route', 'replace', ...route, 'mtu', 'lock', '1300')
  }
}

/** A host with a server. */
async function peer(network, implementation = 'native') {
  const child = await host('traveller', implementation, [network])
  inside(child, `ip route add default via 10.${network}.0.1`)
  await child.call('start', { bootstrap: BOOTSTRAP })
  return { child, key: await child.call('listen') }
}

/** Adds to each value how many milliseconds have passed. */
function clock() {
  const start = Date.now()
  return value => [value, Date.now() - start]
}

/** The first interface of a host leads nowhere, and then the default route is that of the second. */
function leave(us) {
  ip('route', 'add', 'blackhole', '10.1.0.2/32')
  inside(us, 'ip route replace default via 10.2.0.1')
}
