// What can be asked of the core at any time. The other side is src/inspect.rs.

const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../../binding')
const { address, addresses, key, optional, struct, uints } = require('./encodings')

const tableNode = {
  id: key,
  address,
  added: c.uint,
  pinged: c.uint,
  seen: c.uint,
  sampled: c.uint,
  downHints: c.uint
}

/** Room for the names of the numbers in one answer. */
const MAX_NAMES = 4096

const stats = counters(0)

/** Questions that `inspect` answers, with the encodings of the answers. */
const INSPECT = {
  stats: { what: 0, answer: stats },
  live: { what: 1, answer: counters(1) },
  remoteAddress: { what: 3, answer: optional(address) },
  id: { what: 4, answer: optional(key) },
  nodes: { what: 5, answer: addresses },
  transport: { what: 6, answer: optional(merged(struct({ rtt: c.float64 }), counters(6))) },
  localAddress: { what: 7, answer: optional(address) },
  firewalled: { what: 8, answer: c.bool },
  localHost: { what: 9, answer: optional(c.ipv4) },
  table: { what: 10, answer: c.array(struct(tableNode)) },
  tableId: { what: 11, answer: key },
  health: {
    what: 12,
    answer: struct({
      online: c.bool,
      degraded: c.bool,
      cold: c.bool,
      responses: c.uint,
      timeouts: c.uint
    })
  },
  inflight: { what: 13, answer: c.array(struct({ tid: c.uint16, to: address })) },
  records: { what: 14, answer: c.uint },
  traffic: { what: 15, answer: optional(counters(15)) },
  changedStats: { what: 16, answer: stats }
}

module.exports = { INSPECT, tableNode }

/** The core says which numbers an answer has, so that no list here can differ from its own. */
function counters(what) {
  const names = b4a.allocUnsafe(MAX_NAMES)
  const length = binding.counterNames(what, names)
  return uints(b4a.toString(names, 'utf8', 0, length).split('\n'))
}

/** Two structs, one after the other, in one object. */
function merged(first, second) {
  return {
    decode(state) {
      return Object.assign(first.decode(state), second.decode(state))
    }
  }
}
