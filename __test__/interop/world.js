// The processes of an interop test: DHT nodes of one kind or mixed, and helpers to run a cell.

const Child = require('../helpers/child')
const freePort = require('../helpers/free-port')

const NODES_PER_WORLD = 6
const BYTES = 8 * 1024 * 1024

/** The host of the peers behind a forwarder, and the host of their aliases there. */
const BEHIND = '127.0.0.2'
const ALIASES = '127.0.0.1'

/** DHT nodes in processes of their own. */
class World {
  /** kind: 'reference' | 'native' | 'mixed'; native nodes run in `runtime`. */
  static async create(kind, runtime) {
    const world = new this()
    const makers = kind === 'mixed' ? ['reference', 'native'] : [kind]

    for (const implementation of makers) {
      const child = await world.spawn('node', implementation, runtime)
      const count = NODES_PER_WORLD / makers.length
      const { bootstrap } = await child.call('start', { count, bootstrap: world.bootstrap })
      world.bootstrap = bootstrap
    }

    return world
  }

  constructor() {
    this.bootstrap = []
    this.children = []
    this.forwarder = null
  }

  /** The reference runs in Node, ours in `runtime`. */
  async spawn(role, implementation, runtime) {
    const own = implementation === 'reference' ? 'node' : runtime
    const child = await Child.spawn({ role, implementation, runtime: own })
    this.children.push(child)
    return child
  }

  /**
   * Starts a forwarder, and a node behind it. Returns the options of the other nodes, which are
   * behind it, too.
   */
  async startForwarder(seed) {
    const port = await freePort(BEHIND)
    this.forwarder = await this.spawn('forwarder', 'reference', 'node')
    await this.forwarder.call('start', { port, seed })
    const nodes = await this.spawn('transfer', 'reference', 'node')
    await nodes.call('bootstrap', { port, host: ALIASES, bind: BEHIND })
    return { bootstrap: [{ host: ALIASES, port }], host: BEHIND }
  }

  async destroy() {
    for (const child of this.children.reverse()) await child.close()
  }
}

/**
 * A server and a client in `world` that exchange data; resolves with what both saw. With `atOnce`
 * neither waits for its bootstrap.
 */
async function connectPair(world, cell) {
  const { server, client, runtime, serverOptions, clientOptions, dhtOptions, capture, atOnce } =
    cell
  const { bytes = BYTES } = cell
  const serverChild = await world.spawn('server', server, runtime)
  const clientChild = await world.spawn('client', client, runtime)
  const { bootstrap } = world

  const { publicKey } = await serverChild.call('listen', {
    bootstrap,
    bytes,
    options: serverOptions,
    dhtOptions,
    atOnce,
    capture: capture === 'server'
  })
  if (!atOnce) await clientChild.call('start', { bootstrap, dhtOptions })

  const features = capture === 'server' ? serverChild.next('features') : null
  const payload = serverChild.next('payload')
  const serverReport = serverChild.next('report')
  const clientReport = await clientChild.call(atOnce ? 'connectAtOnce' : 'connect', {
    bootstrap,
    publicKey,
    bytes,
    options: clientOptions,
    capture: capture === 'client'
  })
  if (!clientReport.handshakeHash)
    throw new Error('client could not connect: ' + clientReport.error)

  return {
    publicKey,
    serverChild,
    clientChild,
    clientReport,
    serverReport: await serverReport,
    payload: await payload,
    features: features ? await features : clientReport.features
  }
}

/** Checks the result of `connectPair`, which must be the same for all pairs. */
function checkExchange(t, { clientReport, serverReport }, bytes = BYTES) {
  t.is(clientReport.error, null, 'client has no error')
  t.is(serverReport.error, null, 'server has no error')
  t.ok(clientReport.ended && serverReport.ended, 'both sides saw the end')
  t.is(clientReport.receivedBytes, bytes, 'client received everything')
  t.is(serverReport.receivedBytes, bytes, 'server received everything')
  t.is(clientReport.received, serverReport.sent, 'hash of server to client')
  t.is(serverReport.received, clientReport.sent, 'hash of client to server')
  t.is(clientReport.handshakeHash, serverReport.handshakeHash, 'handshake hashes are equal')
  t.is(serverReport.remotePublicKey, clientReport.publicKey, 'server knows the client by its key')
}

module.exports = { World, connectPair, checkExchange }
