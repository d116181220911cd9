const connect = require('./lib/connect')
const Query = require('./lib/query')
const RPC = require('./lib/rpc')
const Server = require('./lib/server')
const unsupported = require('./lib/unsupported')
const { BOOTSTRAP_NODES, COMMANDS, FIREWALL } = require('./lib/constants')
const { createKeyPair, hash } = require('./lib/keys')
const { addresses, checkKeyPair, checkUint, DEFAULTS } = require('./lib/options')

/** A node of the DHT. */
class HyperDHT extends RPC {
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
}

HyperDHT.BOOTSTRAP = BOOTSTRAP_NODES
HyperDHT.FIREWALL = FIREWALL
HyperDHT.OK = 0
HyperDHT.ERROR_UNKNOWN_COMMAND = 1
HyperDHT.ERROR_INVALID_TOKEN = 2

unsupported.standIn(HyperDHT)

module.exports = HyperDHT
