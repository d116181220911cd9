/** A reply of the core in the shape that programs know. */
exports.toReply = function toReply({ id, from, closerNodes, ...rest }) {
  return {
    tid: rest.tid,
    rtt: rest.rtt,
    from: { id, host: from.host, port: from.port },
    to: rest.to,
    token: rest.token,
    closerNodes: closerNodes.length > 0 ? closerNodes : null,
    error: rest.error,
    value: rest.value
  }
}
