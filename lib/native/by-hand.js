// Encodings that are written by hand, because their records cross the border for each connection or
// for each reply of a query. They cost half of those that are made from the tables. Each has the
// fields of its record, which are compared with the tables. What is not here is made from them.

const c = require('compact-encoding')
const {
  address,
  addresses,
  bool,
  endpoint,
  float,
  hash,
  key,
  optional,
  ownBuffer,
  word
} = require('./encodings')

const optionalKey = optional(key)
const optionalBuffer = optional(ownBuffer)
const optionalSecretKey = optional(c.fixed64)
const optionalUint = optional(c.uint)
const keys = c.array(key)

exports.QueryReply = {
  fields: [
    ['tid', 'u16'],
    ['rtt', 'uint'],
    ['from', 'address'],
    ['to', 'address'],
    ['id', { optional: 'bytes32' }],
    ['token', { optional: 'bytes32' }],
    ['closerNodes', { list: 'address' }],
    ['error', 'uint'],
    ['value', { optional: 'bytes' }]
  ],
  decode(state) {
    return {
      tid: c.uint16.decode(state),
      rtt: c.uint.decode(state),
      from: address.decode(state),
      to: address.decode(state),
      id: optionalKey.decode(state),
      token: optionalKey.decode(state),
      closerNodes: addresses.decode(state),
      error: c.uint.decode(state),
      value: optionalBuffer.decode(state)
    }
  }
}

const FOREIGN = ['nothing', 'handshake', 'everything']
const foreign = word(FOREIGN)

exports.ConnectOptions = {
  fields: [
    ['secretKey', { optional: 'secretKey' }],
    ['relayAddresses', { list: 'address' }],
    ['localConnection', 'bool'],
    ['fastOpen', 'bool'],
    ['askHolepunch', 'bool'],
    ['keepAlive', { optional: 'uint' }],
    ['reusableSocket', 'bool'],
    ['relayThrough', { list: 'bytes32' }],
    ['relayKeepAlive', 'uint'],
    ['foreign', { word: FOREIGN }]
  ],
  encode(state, m) {
    optionalSecretKey.encode(state, m.secretKey)
    addresses.encode(state, m.relayAddresses)
    bool.encode(state, m.localConnection)
    bool.encode(state, m.fastOpen)
    bool.encode(state, m.askHolepunch)
    optionalUint.encode(state, m.keepAlive)
    bool.encode(state, m.reusableSocket)
    keys.encode(state, m.relayThrough)
    c.uint.encode(state, m.relayKeepAlive)
    foreign.encode(state, m.foreign)
  }
}

const KINDS = ['direct', 'lan', 'relayed']
const PUNCHES = ['consistent', 'random']
const kind = word(KINDS)
const optionalPunch = optional(word(PUNCHES))

exports.PathInfo = {
  fields: [
    ['kind', { word: KINDS }],
    ['relay', { optional: 'bytes32' }],
    ['remote', 'endpoint'],
    ['socket', 'u32'],
    ['punch', { optional: { word: PUNCHES } }]
  ],
  decode(state) {
    return {
      kind: kind.decode(state),
      relay: optionalKey.decode(state),
      remote: endpoint.decode(state),
      socket: c.uint32.decode(state),
      punch: optionalPunch.decode(state)
    }
  }
}

exports.Opened = {
  fields: [
    ['conn', 'u32'],
    ['remotePublicKey', 'bytes32'],
    ['handshakeHash', 'bytes64'],
    ['remote', 'endpoint'],
    ['socket', 'u32'],
    ['localId', 'uint'],
    ['remoteId', 'uint'],
    ['path', { record: 'PathInfo', fields: exports.PathInfo.fields }]
  ],
  decode(state) {
    return {
      conn: c.uint32.decode(state),
      remotePublicKey: key.decode(state),
      handshakeHash: hash.decode(state),
      remote: endpoint.decode(state),
      socket: c.uint32.decode(state),
      localId: c.uint.decode(state),
      remoteId: c.uint.decode(state),
      path: exports.PathInfo.decode(state)
    }
  }
}

exports.ConnStats = {
  fields: [
    ['rtt', 'f64'],
    ['cwnd', 'uint'],
    ['mtu', 'uint'],
    ['inflight', 'uint'],
    ['bbrState', 'u8'],
    ['bbrBandwidth', 'uint'],
    ['retransmits', 'uint'],
    ['fastRecoveries', 'uint'],
    ['rtoCount', 'uint'],
    ['bytesTransmitted', 'uint'],
    ['bytesReceived', 'uint'],
    ['packetsTransmitted', 'uint'],
    ['packetsReceived', 'uint'],
    ['keepAlivesSent', 'uint'],
    ['keepAlivesReceived', 'uint']
  ],
  decode(state) {
    return {
      rtt: float.decode(state),
      cwnd: c.uint.decode(state),
      mtu: c.uint.decode(state),
      inflight: c.uint.decode(state),
      bbrState: c.uint8.decode(state),
      bbrBandwidth: c.uint.decode(state),
      retransmits: c.uint.decode(state),
      fastRecoveries: c.uint.decode(state),
      rtoCount: c.uint.decode(state),
      bytesTransmitted: c.uint.decode(state),
      bytesReceived: c.uint.decode(state),
      packetsTransmitted: c.uint.decode(state),
      packetsReceived: c.uint.decode(state),
      keepAlivesSent: c.uint.decode(state),
      keepAlivesReceived: c.uint.decode(state)
    }
  }
}
