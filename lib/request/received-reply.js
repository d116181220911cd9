const ReferredNode = require('./referred-node')

/** Converts a reply to a query from the core's shape to the reference's. */
exports.toQueryReply = function toQueryReply(received) {
  return shape(received, address => new ReferredNode(address))
}

/** The same for a reply to a single request. */
exports.toReply = function toReply(received) {
  return shape(received, withoutId)
}

function shape({ tid, rtt, from, to, id, token, closerNodes, error, value }, refer) {
  return {
    tid,
    rtt,
    from: { id, host: from.host, port: from.port },
    to: withoutId(to),
    token,
    closerNodes: closerNodes.length > 0 ? closerNodes.map(refer) : null,
    error,
    value
  }
}

function withoutId({ host, port }) {
  return { id: null, host, port }
}
