const incomingDefaults = require('./lib/request/incoming-defaults')
const RPC = require('./lib/dht/rpc')
const { remember, search } = require('./lib/query/replaced')
const lazily = require('./lib/util/lazily')
const { BOOTSTRAP_NODES, COMMANDS, FIREWALL } = require('./lib/constants')
const { INVALID_TOKEN, STREAM_NOT_CONNECTED, UNKNOWN_COMMAND } = require('./lib/errors')
const { createKeyPair, hash } = require('./lib/native/keys')
const { DEFAULTS } = require('./lib/dht/node-options')

const announcing = lazily(() => require('./lib/query/announce'))
const connecting = lazily(() => require('./lib/connection/connect'))
const pools = lazily(() => require('./lib/connection-pool'))
const queries = lazily(() => require('./lib/query/query'))
const records = lazily(() => require('./lib/query/records'))
const relays = lazily(() => require('./lib/server/relay'))
const servers = lazily(() => require('./lib/server/server'))
const streams = lazily(() => require('./lib/udx/stream'))

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
    const connect = connecting()
    return connect(this, remotePublicKey, opts)
  }

  createServer(opts, onconnection) {
    if (typeof opts === 'function') return this.createServer({}, opts)
    if (opts?.onconnection) onconnection = opts.onconnection
    if (onconnection && typeof onconnection !== 'function') {
      throw new TypeError('onconnection must be a function')
    }
    const Server = servers()
    const server = new Server(this, opts)
    if (onconnection) server.on('connection', onconnection)
    return server
  }

  /** Keeps at most one connection to each peer. */
  pool() {
    const ConnectionPool = pools()
    return new ConnectionPool(this)
  }

  /** A blind relay, through which peers reach each other that cannot do so directly. */
  createRelay(opts) {
    const Relay = relays()
    return new Relay(this, opts)
  }

  /** Creates a UDX stream on the node's sockets. */
  createRawStream(opts) {
    return this.rawStreams.add(opts)
  }

  /** Connects a raw stream to the peer of a connection, on the way that the peer's packets come. */
  static connectRawStream(encryptedStream, rawStream, remoteId) {
    const beside = encryptedStream.rawStream
    if (!beside.connected) throw STREAM_NOT_CONNECTED()
    const { socket, host, port } = streams().wayBack(beside)
    rawStream.connect(socket, remoteId, port, host)
  }

  findPeer(publicKey, opts = {}) {
    const target = opts.hash === false ? publicKey : hash(publicKey)
    const start = ['findPeer', {}]
    const map = queries().mapFindPeer
    return search(this, { target, start, command: COMMANDS.FIND_PEER, map }, opts)
  }

  lookup(target, opts = {}) {
    const start = ['lookup', {}]
    const map = queries().mapLookup
    return search(this, { target, start, command: COMMANDS.LOOKUP, map }, opts)
  }

  announce(target, keyPair, relayAddresses, opts = {}) {
    return announcing().announce(this, target, keyPair, relayAddresses, opts)
  }

  lookupAndUnannounce(target, keyPair, opts = {}) {
    return announcing().lookupAndUnannounce(this, target, keyPair, opts)
  }

  unannounce(target, keyPair, opts = {}) {
    return this.lookupAndUnannounce(target, keyPair, opts).finished()
  }

  async immutablePut(value, opts = {}) {
    return records().immutablePut(this, value, opts)
  }

  async immutableGet(target, opts = {}) {
    return records().immutableGet(this, target, opts)
  }

  async mutablePut(keyPair, value, opts = {}) {
    return records().mutablePut(this, keyPair, value, opts)
  }

  async mutableGet(publicKey, opts = {}) {
    return records().mutableGet(this, publicKey, opts)
  }

  /** Lets a plugin answer its requests while the node is persistent. */
  register(name, plugin) {
    if (typeof plugin?.onregister !== 'function') throw new TypeError('plugin must be a Plugin')
    incomingDefaults.watchPlugins(this)
    this.plugins.set(name, plugin)
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
