const connect = require('./lib/connect')
const incoming = require('./lib/incoming')
const Query = require('./lib/query')
const RPC = require('./lib/rpc')
const Server = require('./lib/server')
const Subscription = require('./lib/subscription')
const unsupported = require('./lib/unsupported')
const { BOOTSTRAP_NODES, COMMANDS, FIREWALL } = require('./lib/constants')
const { INVALID_TOKEN, UNKNOWN_COMMAND } = require('./lib/errors')
const { createKeyPair, hash } = require('./lib/keys')
const { addresses, checkKeyPair, checkUint, DEFAULTS } = require('./lib/options')

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

  findPeer(publicKey, opts = {}) {
    const target = opts.hash === false ? publicKey : hash(publicKey)
    const steps = [['findPeer', {}]]
    const map = Query.mapFindPeer
    return this._query({ target, steps, command: COMMANDS.FIND_PEER, map }, opts)
  }

  lookup(target, opts = {}) {
    const steps = [['lookup', {}]]
    return this._query({ target, steps, command: COMMANDS.LOOKUP, map: Query.mapLookup }, opts)
  }

  announce(target, keyPair, relayAddresses, opts = {}) {
    unsupported.refuse(opts, ['signAnnounce', 'signUnannounce'])
    const { secretKey } = checkKeyPair('keyPair', keyPair)
    const announce = {
      secretKey,
      relayAddresses: addresses('relayAddresses', relayAddresses),
      bump: checkUint('bump', opts.bump || 0)
    }
    const steps = [['announce', announce]]
    if (opts.clear) steps.unshift(['unannounce', { secretKey }])
    return this._query({ target, steps, command: COMMANDS.LOOKUP, map: Query.mapLookup }, opts)
  }

  lookupAndUnannounce(target, keyPair, opts = {}) {
    unsupported.refuse(opts, ['signUnannounce'])
    const { secretKey } = checkKeyPair('keyPair', keyPair)
    const steps = [['unannounce', { secretKey }]]
    return this._query({ target, steps, command: COMMANDS.LOOKUP, map: Query.mapLookup }, opts)
  }

  unannounce(target, keyPair, opts = {}) {
    return this.lookupAndUnannounce(target, keyPair, opts).finished()
  }

  /** Serves the requests of a plugin while the node is persistent. */
  register(name, plugin) {
    this.plugins.set(name, plugin)
    this._subscription.add(Subscription.PLUGINS)
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

incoming.install(HyperDHT)
unsupported.standIn(HyperDHT)

module.exports = HyperDHT
