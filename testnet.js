// A small DHT on loopback for tests: `const testnet = await createTestnet(10)`.

const DHT = require('.')

const LOOPBACK = '127.0.0.1'

/**
 * Starts `size` persistent nodes, one after another. The first one is the bootstrap node of the
 * others, unless `opts.bootstrap` names one. `opts` may be the teardown function of a test.
 */
module.exports = async function createTestnet(size = 10, opts = {}) {
  const host = opts.host || LOOPBACK
  const port = opts.port || 0
  const teardown = typeof opts === 'function' ? opts : opts.teardown
  const bootstrap = [...(opts.bootstrap || [])]
  if (size === 0) return new Testnet([], [])

  const testnet = new Testnet([], bootstrap)
  for (let i = 0; i < size; i++) {
    const node = new DHT({
      ephemeral: false,
      firewalled: false,
      bootstrap,
      port: i === 0 ? port : 0,
      host: host === LOOPBACK ? LOOPBACK : '0.0.0.0'
    })
    testnet.nodes.push(node)
    try {
      await node.fullyBootstrapped()
    } catch (err) {
      await testnet.destroy()
      throw explained(err, size)
    }
    if (bootstrap.length === 0) bootstrap.push({ host, port: node.address().port })
  }

  if (teardown) teardown.call(opts, () => testnet.destroy(), { order: Infinity })
  return testnet
}

class Testnet {
  constructor(nodes, bootstrap) {
    this.nodes = nodes
    this.bootstrap = bootstrap
    this._destroying = false
  }

  /** Makes an ephemeral node. It is destroyed with the testnet, if not before. */
  createNode(opts = {}) {
    const node = new DHT({ ephemeral: true, bootstrap: this.bootstrap, host: LOOPBACK, ...opts })
    this.nodes.push(node)
    node.once('close', () => this._forget(node))
    return node
  }

  /** Closes all servers first, while all nodes can still receive the unannounce. Then the nodes. */
  async destroy() {
    this._destroying = true
    for (const node of this.nodes) {
      for (const server of node.listening) await server.close()
    }
    for (let i = this.nodes.length - 1; i >= 0; i--) await this.nodes[i].destroy()
  }

  [Symbol.iterator]() {
    return this.nodes[Symbol.iterator]()
  }

  // A new array, because the program may be iterating over the old one.
  _forget(node) {
    if (!this._destroying) this.nodes = this.nodes.filter(each => each !== node)
  }
}

function explained(err, size) {
  if (err.code === 'EMFILE') err.message += `: ${size} nodes need ${2 * size} sockets (ulimit -n)`
  return err
}
