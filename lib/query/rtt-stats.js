const c = require('compact-encoding')
const { address } = require('../native/encodings')
const { hash } = require('../native/keys')

/** Measures the network's round trips by a query for the node that was heard from last. */
module.exports = async function rttStats(dht) {
  const stats = { successes: 0, errors: 0, responses: averages(), closestReplies: averages() }
  const [latest] = dht.toArray({ limit: 1 })
  if (!latest) return stats

  const query = dht.findNode(hash(c.encode(address, latest)))
  const replies = []
  for await (const reply of query) replies.push(reply)

  stats.successes = query.successes
  stats.errors = query.errors
  stats.responses = averages(replies)
  stats.closestReplies = averages(query.closestReplies)
  return stats
}

function averages(replies = null) {
  if (replies === null) return { avgRtt: 0, errors: 0, avgCloserNodes: 0 }
  return {
    avgRtt: sum(replies, reply => reply.rtt) / replies.length,
    errors: sum(replies, reply => reply.error),
    avgCloserNodes: sum(replies, reply => reply.closerNodes?.length || 0) / replies.length
  }
}

function sum(replies, number) {
  return replies.reduce((total, reply) => total + number(reply), 0)
}
