/** A reply of the core in the shape that programs know. */
exports.toReply = function toReply({ tid, rtt, from, to, id, token, closerNodes, error, value }) {
  return {
    tid,
    rtt,
    from: { id, host: from.host, port: from.port },
    to,
    token,
    closerNodes: closerNodes.length > 0 ? closerNodes : null,
    error,
    value
  }
}
