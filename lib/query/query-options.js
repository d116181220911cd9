const { addresses, checkList, checkNumber } = require('../util/check')

/** The options that all queries have. */
module.exports = function queryOptions(opts) {
  const replies = checkList('replies', opts.replies || opts.closestReplies || [])
  const nodes = opts.nodes || opts.closestNodes || replies.map(reply => reply?.from)
  const retries = opts.retries === 0 ? 0 : checkNumber('retries', opts.retries || 5, MAX_COUNT)
  return {
    nodes: addresses('nodes', nodes),
    concurrency: opts.concurrency ? checkNumber('concurrency', opts.concurrency, MAX_COUNT) : null,
    retries,
    onlyClosestNodes: !!opts.onlyClosestNodes,
    force: !!opts.force
  }
}

const MAX_COUNT = 0x7fffffff
