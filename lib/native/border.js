// What crosses the border to the core, in compact-encoding. The other side is src/decode.rs and
// src/encode.rs: the two change together.

const c = require('compact-encoding')
const b4a = require('b4a')
const { tableNode } = require('./inspect')
const { address, addresses, hash, key, optional, ownBuffer, struct } = require('./encodings')

const optionalKey = optional(key)
const optionalBuffer = optional(ownBuffer)

const bootstrapNode = {
  preencode(state, node) {
    state.end++
    if (node.name === undefined) return address.preencode(state, node)
    c.string.preencode(state, node.name)
    c.uint16.preencode(state, node.port)
    optional(c.ipv4).preencode(state, node.suggested)
  },
  encode(state, node) {
    c.uint8.encode(state, node.name === undefined ? 0 : 1)
    if (node.name === undefined) return address.encode(state, node)
    c.string.encode(state, node.name)
    c.uint16.encode(state, node.port)
    optional(c.ipv4).encode(state, node.suggested)
  }
}

const adaptiveTimeout = struct({
  maxSize: c.uint,
  maxAge: c.uint,
  fallback: c.array(c.uint),
  min: c.uint,
  max: c.uint,
  jitter: c.uint
})

const config = struct({
  host: c.ipv4,
  dualStack: c.bool,
  portFrom: c.uint32,
  portTo: c.uint32,
  anyPort: c.bool,
  secretKey: c.fixed64,
  bootstrap: c.array(bootstrapNode),
  nodes: addresses,
  ephemeral: c.uint8,
  adaptive: c.bool,
  firewalled: c.bool,
  quickFirewall: c.bool,
  publicAddress: optional(address),
  connectionKeepAlive: c.uint,
  randomPunchInterval: c.uint,
  concurrency: c.uint,
  maxWindow: c.uint,
  maxPingDelay: c.uint,
  maxSize: c.uint,
  maxAge: c.uint,
  watchTable: c.bool,
  deferRandomPunch: c.bool,
  sendDownHints: c.bool,
  downHintsRateLimit: optional(c.uint),
  adaptiveTimeout: optional(adaptiveTimeout)
})

const queryOptions = {
  nodes: addresses,
  concurrency: optional(c.uint),
  retries: optional(c.uint),
  onlyClosestNodes: c.bool,
  force: c.bool,
  onlyValues: c.bool
}

/** A command and its payload. */
const payload = struct({ command: c.uint, value: optional(c.buffer) })

/** A request of another node. */
const incoming = {
  socket: c.uint32,
  from: address,
  id: optional(key),
  to: address,
  tid: c.uint16,
  command: c.uint,
  target: optional(key),
  token: optional(key),
  value: optional(ownBuffer)
}

const COMMANDS = {
  connect: command(1, {
    conn: c.uint32,
    remotePublicKey: c.fixed32,
    secretKey: optional(c.fixed64),
    relayAddresses: addresses,
    localConnection: c.bool,
    fastOpen: c.bool,
    askHolepunch: c.bool,
    keepAlive: optional(c.uint)
  }),
  flush: command(33, { conn: c.uint32, flush: c.uint32 }),
  end: command(2, { conn: c.uint32 }),
  destroyConn: command(3, { conn: c.uint32 }),
  setKeepAlive: command(4, { conn: c.uint32, interval: c.uint }),
  setDefaultKeepAlive: command(23, { interval: c.uint }),
  listen: command(5, {
    server: c.uint32,
    secretKey: optional(c.fixed64),
    announces: optional(c.fixed32),
    askFirewall: c.bool,
    askHolepunch: c.bool,
    holepunch: c.bool,
    shareLocalAddress: c.bool,
    handshakeClearWait: c.uint
  }),
  refreshServer: command(6, { server: c.uint32 }),
  closeServer: command(7, { server: c.uint32 }),
  setHooks: command(8, { server: c.uint32, firewall: c.bool, holepunch: c.bool }),
  answer: command(9, { ask: c.uint32, accept: c.bool }),
  findNode: query(0, {}),
  findPeer: query(1, {}),
  lookup: query(2, {}),
  announce: query(3, {
    secretKey: c.fixed64,
    relayAddresses: addresses,
    bump: c.uint,
    clear: c.bool
  }),
  unannounce: query(4, { secretKey: c.fixed64 }),
  userQuery: query(5, { command: c.uint, value: optional(c.buffer), commit: optional(payload) }),
  cancelQuery: command(11, { query: c.uint32 }),
  request: command(12, {
    request: c.uint32,
    to: address,
    internal: c.bool,
    command: c.uint,
    target: optional(c.fixed32),
    token: optional(c.fixed32),
    value: optional(c.buffer),
    retries: c.uint,
    ttl: optional(c.uint8),
    socket: optional(c.uint32)
  }),
  addNode: command(13, { address }),
  destroy: command(14, { force: c.bool }),
  suspend: command(15, { server: optional(c.uint32) }),
  resume: command(16, { server: optional(c.uint32) }),
  subscribe: command(17, { bits: c.uint8 }),
  answerRequest: requestAnswer(0, {
    error: c.uint,
    value: optional(c.buffer),
    token: c.bool,
    closerNodes: c.bool,
    to: optional(address),
    socket: optional(c.uint32)
  }),
  relayRequest: requestAnswer(1, {
    value: optional(c.buffer),
    to: address,
    socket: optional(c.uint32)
  }),
  serveRequest: requestAnswer(2, {}),
  cancelRequest: command(19, { request: c.uint32 }),
  handleDatagram: command(20, { socket: c.uint32, from: address, data: c.buffer }),
  checkLocal: command(22, { host: c.ipv4 }),
  watchTable: command(21, { watch: c.bool }),
  steerQuery: command(30, { query: c.uint32, steer: c.uint8 }),
  unlink: command(31, { target: c.fixed32, publicKey: c.fixed32 }),
  signed: command(32, { server: c.uint32, tag: c.uint32, signature: optional(c.fixed64) })
}

/** Ways to steer a query. */
const STEER = { PAUSE: 0, GO_ON: 1, CONCLUDE: 2 }

// Not a struct: a query brings dozens, and to write out the fields halves what one costs.
const reply = {
  decode(state) {
    return {
      tid: c.uint16.decode(state),
      rtt: c.uint32.decode(state),
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

const failure = struct({ code: c.string, message: c.string })

const opened = {
  conn: c.uint32,
  remotePublicKey: key,
  handshakeHash: hash,
  remote: address,
  socket: c.uint32,
  localId: c.uint32,
  remoteId: c.uint32
}

// Failed or not, and then how.
function outcome(ok) {
  return {
    decode(state) {
      if (c.uint8.decode(state) === 1) return { failure: null, value: ok ? ok.decode(state) : null }
      return { failure: failure.decode(state), value: null }
    }
  }
}

const firewall = struct({
  server: c.uint32,
  remotePublicKey: key,
  address,
  payload: ownBuffer
})

const holepunch = struct({
  server: optional(c.uint32),
  conn: optional(c.uint32),
  remoteFirewall: c.uint8,
  localFirewall: c.uint8,
  remoteAddresses: c.array(flat({ address, verified: c.bool })),
  localAddresses: optional(c.array(flat({ address, hits: c.uint })))
})

const question = {
  decode(state) {
    if (c.uint8.decode(state) === 0) return { kind: 'firewall', ...firewall.decode(state) }
    return { kind: 'holepunch', ...holepunch.decode(state) }
  }
}

const networkInterface = struct({
  name: c.string,
  host: c.string,
  family: c.uint8,
  internal: c.bool
})

const natAddress = { host: optional(c.ipv4), port: c.uint16 }

/** Kinds of events that carry the bytes of a connection. */
const DATA = 1
const MESSAGE = 2
const DRAINED = 3

/** Messages from this size on are not in the slab: they are taken one by one. */
const LARGE = 4096

const EVENTS = new Map([
  [10, event('listening', {})],
  [11, event('natUpdate', natAddress)],
  [12, event('ready', {})],
  [13, event('persistent', { id: key })],
  [14, event('ephemeral', {})],
  [15, event('wakeup', {})],
  [16, event('firewalled', { firewalled: c.bool })],
  [17, event('health', { online: c.bool, degraded: c.bool })],
  [18, event('networkChange', { interfaces: c.array(networkInterface) })],
  [20, event('serverListening', { server: c.uint32 })],
  [21, event('serverFailed', { server: c.uint32, failure })],
  [22, event('serverRelays', { server: c.uint32, relays: addresses })],
  [23, event('serverClosed', { server: c.uint32 })],
  [
    30,
    event('connection', {
      server: c.uint32,
      ...opened,
      keepAlive: c.uint,
      unasked: c.array(question)
    })
  ],
  [31, event('opened', opened)],
  [32, event('remoteEnd', { conn: c.uint32 })],
  [33, event('finished', { conn: c.uint32 })],
  [34, event('closed', { conn: c.uint32, failure: optional(failure) })],
  [35, event('flushed', { conn: c.uint32, flush: c.uint32 })],
  [40, event('ask', { ask: c.uint32, question })],
  [
    41,
    event('sign', {
      server: c.uint32,
      tag: c.uint32,
      announces: c.bool,
      target: key,
      token: key,
      id: key
    })
  ],
  [50, event('queryReply', { query: c.uint32, reply })],
  [
    51,
    event('queryDone', {
      query: c.uint32,
      successes: c.uint,
      errors: c.uint,
      outcome: outcome(null),
      closest: c.array(reply)
    })
  ],
  [52, event('reply', { request: c.uint32, outcome: outcome(reply) })],
  [60, event('destroyed', {})],
  [61, event('failed', { failure })],
  [70, event('suspended', { server: optional(c.uint32) })],
  [71, event('resumed', { failure: optional(failure) })],
  [72, event('incomingRequest', incoming)],
  [73, event('datagram', { socket: c.uint32, from: address, data: ownBuffer })],
  [74, event('nodeAdded', tableNode)],
  [75, event('nodeRemoved', tableNode)],
  [76, event('localChecked', { host: c.ipv4, valid: c.bool })]
])

module.exports = { config, COMMANDS, STEER, EVENTS, DATA, MESSAGE, DRAINED, LARGE }

function command(kind, fields) {
  const body = struct(fields)
  return message => {
    const state = c.state(0, 1)
    body.preencode(state, message)
    state.buffer = b4a.allocUnsafe(state.end)
    c.uint8.encode(state, kind)
    body.encode(state, message)
    return state.buffer
  }
}

function query(kind, fields) {
  const encode = command(10, {
    query: c.uint32,
    target: c.fixed32,
    ...queryOptions,
    kind: c.uint8,
    ...fields
  })
  return message => encode({ ...message, kind })
}

/** A struct with the host and the port of its address among its fields. */
function flat(fields) {
  const body = struct(fields)
  return {
    decode(state) {
      const { address, ...rest } = body.decode(state)
      return { host: address.host, port: address.port, ...rest }
    }
  }
}

function requestAnswer(kind, fields) {
  const encode = command(18, { request: struct(incoming), kind: c.uint8, ...fields })
  return message => encode({ ...message, kind })
}

function event(name, fields) {
  return { name, body: struct(fields) }
}
