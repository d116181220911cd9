const b4a = require('b4a')

exports.COMMANDS = {
  PEER_HANDSHAKE: 0,
  PEER_HOLEPUNCH: 1,
  FIND_PEER: 2,
  LOOKUP: 3,
  ANNOUNCE: 4,
  UNANNOUNCE: 5,
  MUTABLE_PUT: 6,
  MUTABLE_GET: 7,
  IMMUTABLE_PUT: 8,
  IMMUTABLE_GET: 9,
  PLUGIN: 10
}

exports.BOOTSTRAP_NODES = [
  '88.99.3.86@node1.hyperdht.org:49737',
  '142.93.90.113@node2.hyperdht.org:49737',
  '138.68.147.8@node3.hyperdht.org:49737'
]

exports.FIREWALL = { UNKNOWN: 0, OPEN: 1, CONSISTENT: 2, RANDOM: 3 }

exports.ERROR = {
  NONE: 0,
  ABORTED: 1,
  VERSION_MISMATCH: 2,
  TRY_LATER: 3,
  SEQ_REUSED: 16,
  SEQ_TOO_LOW: 17
}

// namespaces of hypercore-crypto for 'hyperswarm/dht', one for each command that signs or has a key
exports.NS = {
  ANNOUNCE: hex('36386adddf9f6fd60db83a6f42fc159d1146aa8644037664230aaa1f0179d497'),
  UNANNOUNCE: hex('ded293cd93fb395e756ecf5fff426529e72c36eacc22e5ed944d9099a2561e32'),
  MUTABLE_PUT: hex('668e823edd5ce7f5338d68bf1161f4a3c28ce437ee2ab49efd30d99366039b1e'),
  PEER_HANDSHAKE: hex('14d6d4b49214ab1033ed204976caa258bae9e1e8543b9ad1fd996a910b0c4e3a'),
  PEER_HOLEPUNCH: hex('f1191cd5e67b10b54a507033280ed1ff0e12278268d5679c8f93d417210d168b'),
  PLUGIN: hex('6b8a2a8623f28c6c02a1e22abe515ce31cafd9af61d4b69970639aa7eb96a8d5')
}

function hex(string) {
  return b4a.from(string, 'hex')
}
