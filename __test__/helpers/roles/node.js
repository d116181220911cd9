// A process with DHT nodes that other nodes bootstrap from.

const { DHT } = require('../implementation')
const serve = require('../role')

const nodes = []

/** A command of dht-rpc. */
const PING_NAT = 1

serve({
  /**
   * Starts `count` persistent nodes; without `bootstrap` the first one is it. With
   * `hidesFirewalls`, for the reference only, they tell nobody that strangers reach it.
   */
  async start({ count, bootstrap, hidesFirewalls }) {
    if (hidesFirewalls) ignore(PING_NAT)
    for (let i = 0; i < count; i++) {
      const node = new DHT({ bootstrap, ephemeral: false, firewalled: false, host: '127.0.0.1' })
      await node.fullyBootstrapped()
      const address = { host: '127.0.0.1', port: node.address().port }
      if (bootstrap.length === 0) bootstrap = [address]
      nodes.push(node)
    }
    return { bootstrap }
  },

  /** How many other nodes each node has in its table. */
  tables() {
    return nodes.map(node => node.toArray().length)
  },

  async destroy() {
    for (const node of nodes.reverse()) await node.destroy()
  }
})

function ignore(command) {
  const RPC = Object.getPrototypeOf(DHT)
  const { _onrequest } = RPC.prototype
  RPC.prototype._onrequest = function (req, external) {
    if (!req.internal || req.command !== command) _onrequest.call(this, req, external)
  }
}
