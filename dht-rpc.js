const RPC = require('./lib/dht/rpc')
const incomingDefaults = require('./lib/request/incoming-defaults')
const { INVALID_TOKEN, UNKNOWN_COMMAND } = require('./lib/errors')
const { DEFAULTS, FILTER_NODE } = require('./lib/dht/node-options')
const { remember } = require('./lib/query/replaced')

class Node extends RPC {}
incomingDefaults.install(Node)

/** A node of a DHT with the program's own commands, as in the npm module `dht-rpc`. */
class DHT extends Node {
  /** @param {import('.').DHTOptions} [opts] */
  constructor(opts = {}) {
    // the public nodes and the default port are those of hyperdht
    const { addNode, filterNode, bootstrap, port } = opts
    super({
      ...opts,
      bootstrap: bootstrap || [],
      port: port || ANY_PORT,
      [FILTER_NODE]: filterNode || addNode
    })
  }

  static DEFAULTS = {
    concurrency: DEFAULTS.concurrency,
    maxWindow: DEFAULTS.maxWindow,
    maxPingDelay: DEFAULTS.maxPingDelay
  }

  /** Passes every request with a command of the program on. Returns false if nobody listens. */
  onrequest(req) {
    return this.emit('request', req)
  }
}

DHT.OK = 0
DHT.ERROR_UNKNOWN_COMMAND = UNKNOWN_COMMAND
DHT.ERROR_INVALID_TOKEN = INVALID_TOKEN

remember(RPC)

module.exports = DHT

/** An empty range. */
const ANY_PORT = [0, 0]
