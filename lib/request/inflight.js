// Requests in flight, as programs see them.

/** A request of the core's list, without the numbers that only JavaScript knows. */
exports.toInflight = function toInflight({ tid, to, internal, command, sent, retries }) {
  return { tid, to, internal, command, sent, retries }
}
