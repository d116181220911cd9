// The payloads of the DHT's commands, in compact-encoding: `hyperdht/lib/messages` of the
// reference, byte for byte.

const c = require('compact-encoding')
const { struct } = require('./native/encodings')

const ipv4 = withoutFamily(c.ipv4Address)
const ipv6 = withoutFamily(c.ipv6Address)
const ipv4Array = c.array(ipv4)
const ipv6Array = c.array(ipv6)

exports.handshake = flagged([
  ['mode', c.uint],
  ['noise', c.buffer],
  ['peerAddress', ipv4, 1],
  ['relayAddress', ipv4, 2]
])

exports.holepunch = flagged([
  ['mode', c.uint],
  ['id', c.uint],
  ['payload', c.buffer],
  ['peerAddress', ipv4, 1]
])

exports.holepunchPayload = flagged([
  ['error', c.uint],
  ['firewall', c.uint],
  ['round', c.uint],
  ['connected', null, 1],
  ['punching', null, 2],
  ['addresses', ipv4Array, 4],
  ['remoteAddress', ipv4, 8],
  ['token', c.fixed32, 16],
  ['remoteToken', c.fixed32, 32]
])

const relayInfo = struct({ relayAddress: ipv4, peerAddress: ipv4 })
const holepunchInfo = struct({ id: c.uint, relays: c.array(relayInfo) })

const udxInfo = {
  preencode(state, m) {
    state.end += 2
    c.uint.preencode(state, m.id)
    c.uint.preencode(state, m.seq)
  },
  encode(state, m) {
    c.uint.encode(state, VERSION)
    c.uint.encode(state, m.reusableSocket ? REUSABLE_SOCKET : 0)
    c.uint.encode(state, m.id)
    c.uint.encode(state, m.seq)
  },
  decode(state) {
    const version = c.uint.decode(state)
    const reusableSocket = (c.uint.decode(state) & REUSABLE_SOCKET) !== 0
    return { version, reusableSocket, id: c.uint.decode(state), seq: c.uint.decode(state) }
  }
}

const secretStreamInfo = {
  preencode(state) {
    state.end++
  },
  encode(state) {
    c.uint.encode(state, VERSION)
  },
  decode(state) {
    return { version: c.uint.decode(state) }
  }
}

const relayThroughInfo = {
  preencode(state, m) {
    state.end += 2
    c.fixed32.preencode(state, m.publicKey)
    c.fixed32.preencode(state, m.token)
  },
  encode(state, m) {
    c.uint.encode(state, VERSION)
    c.uint.encode(state, 0) // flags
    c.fixed32.encode(state, m.publicKey)
    c.fixed32.encode(state, m.token)
  },
  decode(state) {
    const version = c.uint.decode(state)
    c.uint.decode(state)
    return { version, publicKey: c.fixed32.decode(state), token: c.fixed32.decode(state) }
  }
}

const noiseBody = flagged([
  ['error', c.uint],
  ['firewall', c.uint],
  ['holepunch', holepunchInfo, 1],
  ['addresses4', unlessEmpty(ipv4Array), 2],
  ['addresses6', unlessEmpty(ipv6Array), 4],
  ['udx', udxInfo, 8],
  ['secretStream', secretStreamInfo, 16],
  ['relayThrough', relayThroughInfo, 32],
  ['relayAddresses', ipv4Array, 64]
])

exports.noisePayload = {
  preencode(state, m) {
    state.end++
    noiseBody.preencode(state, m)
  },
  encode(state, m) {
    c.uint.encode(state, VERSION)
    noiseBody.encode(state, m)
  },
  decode(state) {
    const version = c.uint.decode(state)
    // the content of another version is unknown, but the caller has to see the version
    const body = version === VERSION ? noiseBody.decode(state) : NO_BODY
    return {
      version,
      ...body,
      addresses4: body.addresses4 || [],
      addresses6: body.addresses6 || []
    }
  }
}

const peer = struct({ publicKey: c.fixed32, relayAddresses: ipv4Array })
const peers = c.array(peer)

exports.peer = peer
exports.peers = peers

// A storing node keeps records as encoded bytes, and encodes a reply from these.
const rawPeers = c.array(c.raw)

exports.lookupRawReply = {
  preencode(state, m) {
    rawPeers.preencode(state, m.peers)
    c.uint.preencode(state, m.bump)
  },
  encode(state, m) {
    rawPeers.encode(state, m.peers)
    c.uint.encode(state, m.bump)
  },
  decode(state) {
    return {
      peers: peers.decode(state),
      bump: state.start < state.end ? c.uint.decode(state) : 0
    }
  }
}

const announce = flagged([
  ['peer', peer, 1],
  ['refresh', c.fixed32, 2],
  ['signature', c.fixed64, 4],
  ['bump', c.uint, 8]
])

exports.announce = {
  ...announce,
  decode(state) {
    const m = announce.decode(state)
    return { ...m, bump: m.bump || 0 }
  }
}

exports.mutableSignable = struct({ seq: c.uint, value: c.buffer })

exports.mutablePutRequest = struct({
  publicKey: c.fixed32,
  seq: c.uint,
  value: c.buffer,
  signature: c.fixed64
})

exports.mutableGetResponse = struct({ seq: c.uint, value: c.buffer, signature: c.fixed64 })

const pluginHead = struct({ plugin: c.string, version: c.uint, command: c.uint })
const pluginBody = flagged([['value', c.buffer, 1]])

exports.pluginRequest = {
  preencode(state, m) {
    pluginHead.preencode(state, m)
    pluginBody.preencode(state, m)
  },
  encode(state, m) {
    pluginHead.encode(state, m)
    pluginBody.encode(state, m)
  },
  decode(state) {
    return { ...pluginHead.decode(state), ...pluginBody.decode(state) }
  }
}

/** The version of the noise payload, and of each versioned part in it. */
const VERSION = 1

/** A flag in udxInfo: the socket may be used for further streams. */
const REUSABLE_SOCKET = 1

const NO_BODY = {
  error: 0,
  firewall: 0,
  holepunch: null,
  addresses4: null,
  addresses6: null,
  udx: null,
  secretStream: null,
  relayThrough: null,
  relayAddresses: null
}

// A byte of flags, then the fields: [name, encoding, flag]. A field without a flag is always
// present. A field without an encoding is a boolean: its flag.
function flagged(fields) {
  const isPresent = ([name, encoding, flag], m) =>
    flag === undefined || !!(encoding?.isPresent ? encoding.isPresent(m[name]) : m[name])

  return {
    preencode(state, m) {
      state.end++
      for (const field of fields) {
        if (field[1] && isPresent(field, m)) field[1].preencode(state, m[field[0]])
      }
    },
    encode(state, m) {
      let flags = 0
      for (const field of fields) if (field[2] && isPresent(field, m)) flags |= field[2]
      c.uint.encode(state, flags)
      for (const field of fields) {
        if (field[1] && isPresent(field, m)) field[1].encode(state, m[field[0]])
      }
    },
    decode(state) {
      const flags = c.uint.decode(state)
      const m = {}
      for (const [name, encoding, flag] of fields) {
        const present = flag === undefined || (flags & flag) !== 0
        m[name] = encoding ? (present ? encoding.decode(state) : null) : present
      }
      return m
    }
  }
}

function unlessEmpty(array) {
  return { ...array, isPresent: list => !!list && list.length > 0 }
}

function withoutFamily(encoding) {
  return {
    preencode: encoding.preencode,
    encode: encoding.encode,
    decode(state) {
      const { host, port } = encoding.decode(state)
      return { host, port }
    }
  }
}
