// A small DHT on loopback for tests: `const testnet = await createTestnet(10)`.

const DHT = require('.')

const LOOPBACK = '127.0.0.1'

/**
 * Starts `size` persistent nodes, one after another; the first is the bootstrap of the others,
 * unless `opts.bootstrap` names one. `opts` may be a teardown function, as tests have it.
 */
module.exports = async function createTestnet(size = 10, opts = {}) {
  const {
    host = LOOPBACK,
    port = 0,
    teardown
  } = typeof opts === 'function' ? { teardown: opts } : opts
  const bootstrap = [...(opts.bootstrap || [])]
  const testnet = new Testnet([], size === 0 ? [] : bootstrap)

  for (let i = 0; i < size; i++) {
    const node = new DHT({
      ephemeral: false,
      firewalled: false,
      bootstrap,
      port: i === 0 ? port : 0,
      host: host === LOOPBACK ? LOOPBACK : '0.0.0.0'
    })
    await node.fullyBootstrapped()

    if (bootstrap.length === 0) bootstrap.push({ host, port: node.address().port })
    testnet.nodes.push(node)
  }

  if (size > 0 && teardown) teardown.call(opts, () => testnet.destroy(), { order: Infinity })
  return testnet
}

class Testnet {
  constructor(nodes, bootstrap) {
    this.nodes = nodes
    this.bootstrap = bootstrap
  }

  /** A node of the user's own, ephemeral; it is destroyed with the testnet. */
  createNode(opts = {}) {
    const node = new DHT({ ephemeral: true, bootstrap: this.bootstrap, host: LOOPBACK, ...opts })
    this.nodes.push(node)
    return node
  }

  /** Closes all servers while every node is still there to unannounce to, then the nodes. */
  async destroy() {
    for (const node of this.nodes) {
      for (const server of node.listening) await server.close()
    }
    for (const node of [...this.nodes].reverse()) await node.destroy()
  }

  [Symbol.iterator]() {
    return this.nodes[Symbol.iterator]()
  }
}
