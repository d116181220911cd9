const connect = require('./lib/connection/connect')
const ConnectionPool = require('./lib/connection-pool')
const incomingDefaults = require('./lib/request/incoming-defaults')
const Query = require('./lib/query/query')
const RPC = require('./lib/dht/rpc')
const Relay = require('./lib/server/relay')
const Server = require('./lib/server/server')
const records = require('./lib/query/records')
const { remember, search } = require('./lib/query/replaced')
const IncomingSubscription = require('./lib/request/incoming-subscription')
const { internalsOf } = require('./lib/util/internals')
const { announce, lookupAndUnannounce } = require('./lib/query/announce')
const { BOOTSTRAP_NODES, COMMANDS, FIREWALL } = require('./lib/constants')
const { INVALID_TOKEN, STREAM_NOT_CONNECTED, UNKNOWN_COMMAND } = require('./lib/errors')
const { createKeyPair, hash } = require('./lib/native/keys')
const { DEFAULTS } = require('./lib/dht/node-options')

/** A node of the DHT. */
class HyperDHT extends RPC {
  /** @param {import('.').DHTOptions} [opts] */
  constructor(opts) {
    super(opts)
    this.plugins = new Map()
    this.once('persistent', () => {
      for (const plugin of this.plugins.values()) plugin.onpersistent()
    })
  }

  static DEFAULTS = DEFAULTS

  static keyPair(seed) {
    return createKeyPair(seed)
  }

  static hash(data) {
    return hash(data)
  }

  connect(remotePublicKey, opts) {
    return connect(this, remotePublicKey, opts)
  }

  createServer(opts, onconnection) {
    if (typeof opts === 'function') return this.createServer({}, opts)
    if (opts?.onconnection) onconnection = opts.onconnection
    if (onconnection && typeof onconnection !== 'function') {
      throw new TypeError('onconnection must be a function')
    }
    const server = new Server(this, opts)
    if (onconnection) server.on('connection', onconnection)
    return server
  }

  /** Keeps at most one connection to each peer. */
  pool() {
    return new ConnectionPool(this)
  }

  /** A blind relay, through which peers reach each other that cannot do so directly. */
  createRelay(opts) {
    return new Relay(this, opts)
  }

  /** Creates a UDX stream on the node's sockets. */
  createRawStream(opts) {
    return this.rawStreams.add(opts)
  }

  /** Connects a raw stream over the path of a connection. */
  static connectRawStream(encryptedStream, rawStream, remoteId) {
    const { connected, socket, remotePort, remoteHost } = encryptedStream.rawStream
    if (!connected) throw STREAM_NOT_CONNECTED()
    rawStream.connect(socket, remoteId, remotePort, remoteHost)
  }

  findPeer(publicKey, opts = {}) {
    const target = opts.hash === false ? publicKey : hash(publicKey)
    const start = ['findPeer', {}]
    const map = Query.mapFindPeer
    return search(this, { target, start, command: COMMANDS.FIND_PEER, map }, opts)
  }

  lookup(target, opts = {}) {
    const start = ['lookup', {}]
    const map = Query.mapLookup
    return search(this, { target, start, command: COMMANDS.LOOKUP, map }, opts)
  }

  announce(target, keyPair, relayAddresses, opts = {}) {
    return announce(this, target, keyPair, relayAddresses, opts)
  }

  lookupAndUnannounce(target, keyPair, opts = {}) {
    return lookupAndUnannounce(this, target, keyPair, opts)
  }

  unannounce(target, keyPair, opts = {}) {
    return this.lookupAndUnannounce(target, keyPair, opts).finished()
  }

  async immutablePut(value, opts = {}) {
    return records.immutablePut(this, value, opts)
  }

  async immutableGet(target, opts = {}) {
    return records.immutableGet(this, target, opts)
  }

  async mutablePut(keyPair, value, opts = {}) {
    return records.mutablePut(this, keyPair, value, opts)
  }

  async mutableGet(publicKey, opts = {}) {
    return records.mutableGet(this, publicKey, opts)
  }

  /** Lets a plugin answer its requests while the node is persistent. */
  register(name, plugin) {
    if (typeof plugin?.onregister !== 'function') throw new TypeError('plugin must be a Plugin')
    this.plugins.set(name, plugin)
    internalsOf(this).subscription.add(IncomingSubscription.PLUGINS)
    plugin.onregister(this)
  }

  _onclosing() {
    for (const plugin of this.plugins.values()) plugin.destroy()
  }
}

HyperDHT.BOOTSTRAP = BOOTSTRAP_NODES
HyperDHT.FIREWALL = FIREWALL
HyperDHT.OK = 0
HyperDHT.ERROR_UNKNOWN_COMMAND = UNKNOWN_COMMAND
HyperDHT.ERROR_INVALID_TOKEN = INVALID_TOKEN

remember(RPC)
incomingDefaults.install(HyperDHT)

module.exports = HyperDHT
