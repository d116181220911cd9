// What can be asked of the core at any time. The other side is src/inspect.rs.

const c = require('compact-encoding')
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

const counters = uints([
  'requestsActive',
  'requestsTotal',
  'responses',
  'timeouts',
  'retries',
  'queriesActive',
  'queriesTotal',
  'punchesConsistent',
  'punchesRandom',
  'punchesOpen',
  'poolSocketsAdded',
  'poolSocketsRemoved',
  'droppedMalformed',
  'droppedUnexpected',
  'droppedHandshake',
  'droppedAdmission',
  'droppedPunch',
  'droppedMessage',
  'droppedFrame',
  'droppedUdx',
  'droppedStore',
  'droppedRequest',
  'pingTx',
  'pingRx',
  'pingNatTx',
  'pingNatRx',
  'findNodeTx',
  'findNodeRx',
  'downHintTx',
  'downHintRx'
])

/** Questions that `inspect` answers, with the encodings of the answers. */
const INSPECT = {
  stats: { what: 0, answer: counters },
  live: {
    what: 1,
    answer: uints([
      'connections',
      'streams',
      'servers',
      'handshakes',
      'punchers',
      'queries',
      'requests',
      'poolSockets',
      'timers'
    ])
  },
  remoteAddress: { what: 3, answer: optional(address) },
  id: { what: 4, answer: optional(key) },
  nodes: { what: 5, answer: addresses },
  transport: {
    what: 6,
    answer: optional(
      struct({
        rtt: c.float64,
        cwnd: c.uint,
        mtu: c.uint,
        inflight: c.uint,
        retransmits: c.uint,
        fastRecoveries: c.uint,
        rtoCount: c.uint,
        bytesTransmitted: c.uint,
        bytesReceived: c.uint,
        packetsTransmitted: c.uint,
        packetsReceived: c.uint,
        keepAlivesSent: c.uint,
        keepAlivesReceived: c.uint
      })
    )
  },
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
  traffic: {
    what: 15,
    answer: optional(
      uints(['bytesTransmitted', 'bytesReceived', 'packetsTransmitted', 'packetsReceived'])
    )
  },
  changedStats: { what: 16, answer: counters }
}

module.exports = { INSPECT, tableNode }
