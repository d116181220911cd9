// Nodes that answer as a test tells them. They are nodes of the reference, whichever implementation
// is under test.

const Reference = require('hyperdht-reference')

/**
 * A node of the routing tables. `onrequest(req)` answers or returns false.
 *
 * @returns {Promise<object>} the node, with the `requests` that it was asked to answer
 */
exports.responder = async function responder(t, net, onrequest) {
  class Responder extends Reference {
    requests = []

    onrequest(req) {
      if (onrequest(req) === false) return super.onrequest(req)
      this.requests.push(req)
      return true
    }
  }
  const bootstrap = net.bootstrap
  const dht = new Responder({ bootstrap, host: '127.0.0.1', ephemeral: false, firewalled: false })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}

/** Several of them, with one list of their requests. */
exports.responders = async function responders(t, net, size, onrequest) {
  const requests = []
  const counted = req => {
    const handled = onrequest(req)
    if (handled !== false) requests.push(req)
    return handled
  }
  const nodes = []
  for (let i = 0; i < size; i++) nodes.push(await exports.responder(t, net, counted))
  return { requests, nodes, addresses: nodes.map(exports.addressOf) }
}

/** Where a node is, as an option of a query. */
exports.addressOf = function addressOf(node) {
  return { host: '127.0.0.1', port: node.address().port }
}
