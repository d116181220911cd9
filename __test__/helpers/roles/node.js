// A process with DHT nodes that others bootstrap from.

const { DHT } = require('../implementation')
const serve = require('../role')

const nodes = []

serve({
  /** Starts `count` persistent nodes; without `bootstrap` the first one is it. */
  async start({ count, bootstrap }) {
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
