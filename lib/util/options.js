const b4a = require('b4a')
const { isBytes } = require('./bytes')
const { createKeyPair } = require('../native/keys')
const { BOOTSTRAP_NODES } = require('../constants')
const { refuse } = require('./unsupported')

const DEFAULTS = {
  concurrency: 10,
  maxWindow: 80,
  maxPingDelay: 10000,
  connectionKeepAlive: 5000,
  randomPunchInterval: 20000
}
exports.DEFAULTS = DEFAULTS

/**
 * The options of a node, checked and with defaults.
 *
 * @returns {object} `config` for the engine, and what JavaScript keeps
 */
exports.node = function node(opts) {
  refuse(opts, ['udx'])
  const [portFrom, portTo] = portRange(opts.port)
  const bootstrapNodes = list('bootstrap', opts.bootstrap || defaultBootstrap()).map(parseNode)
  const keyPair = opts.keyPair ? checkKeyPair('keyPair', opts.keyPair) : createKeyPair(opts.seed)
  const downHintsRateLimit = hintsPerTick(opts)
  const dualStack = opts.host === ALL
  const host = (!dualStack && opts.host) || '0.0.0.0'
  if (!isIPv4(host)) throw new TypeError(`host must be an IPv4 address or '${ALL}'`)

  return {
    bootstrapNodes,
    keyPair,
    config: {
      host,
      dualStack,
      portFrom,
      portTo,
      anyPort: opts.anyPort !== false,
      secretKey: keyPair.secretKey,
      bootstrap: bootstrapNodes.map(splitSuggestion),
      nodes: addresses('nodes', opts.nodes),
      ephemeral: typeof opts.ephemeral === 'boolean' ? (opts.ephemeral ? 1 : 2) : 0,
      adaptive: typeof opts.ephemeral !== 'boolean' && opts.adaptive !== false,
      firewalled: opts.firewalled !== false,
      quickFirewall: opts.quickFirewall !== false,
      publicAddress: opts._publicAddress || null,
      connectionKeepAlive:
        opts.connectionKeepAlive === false ? 0 : number('connectionKeepAlive', opts, MAX_MS),
      randomPunchInterval: number('randomPunchInterval', opts, MAX_MS),
      concurrency: number('concurrency', opts, MAX_COUNT),
      maxWindow: number('maxWindow', opts, MAX_COUNT),
      maxPingDelay: number('maxPingDelay', opts, MAX_MS),
      maxSize: number('maxSize', opts, MAX_COUNT, 65536),
      maxAge: number('maxAge', opts, MAX_MS, 0),
      watchTable: true,
      deferRandomPunch: !!opts.deferRandomPunch,
      sendDownHints: opts.sendDownHints !== false,
      downHintsRateLimit: downHintsRateLimit === -1 ? null : downHintsRateLimit,
      adaptiveTimeout: opts.adaptiveTimeout ? adaptiveTimeout(opts.adaptiveTimeout) : null
    },
    sendDownHints: opts.sendDownHints !== false,
    downHintsRateLimit
  }
}

// -1 is no limit.
function hintsPerTick({ downHintsRateLimit = 50 }) {
  if (downHintsRateLimit === -1) return -1
  return checkUint('downHintsRateLimit', downHintsRateLimit)
}

/** The options of the module adaptive-timeout, with its defaults; `true` is all of them. */
function adaptiveTimeout(opts) {
  const fallback = list('adaptiveTimeout.fallback', opts.fallback || [250, 500, 1000, 2000, 4000])
  const from = (name, value) => number(name, { [name]: value }, MAX_MS, 0)
  return {
    maxSize: number('maxSize', opts, MAX_COUNT, 65536),
    maxAge: number('maxAge', opts, MAX_MS, 10 * 60 * 1000),
    fallback: fallback.map(ms => from('adaptiveTimeout.fallback', ms)),
    min: from('min', opts.min ?? 300),
    max: number('max', opts, MAX_MS, 4000),
    jitter: from('jitter', opts.jitter ?? 256)
  }
}

/** The options that all queries have. */
exports.query = function query(opts) {
  const replies = opts.replies || opts.closestReplies
  const nodes = opts.nodes || opts.closestNodes || replies?.map(r => r.from)
  const retries = opts.retries === 0 ? 0 : number('retries', opts, MAX_COUNT, 5)
  return {
    nodes: addresses('nodes', nodes),
    concurrency: opts.concurrency ? number('concurrency', opts, MAX_COUNT) : null,
    retries,
    onlyClosestNodes: !!opts.onlyClosestNodes,
    force: !!opts.force
  }
}

/** A key pair that can sign. */
function checkKeyPair(name, keyPair) {
  if (typeof keyPair !== 'object' || keyPair === null) {
    throw new TypeError(`${name} must be an object with publicKey and secretKey`)
  }
  const publicKey = checkBytes(`${name}.publicKey`, keyPair.publicKey, 32)
  const secretKey = checkBytes(`${name}.secretKey`, keyPair.secretKey, 64)
  if (!b4a.equals(secretKey.subarray(32), publicKey)) {
    throw new TypeError(`${name}.secretKey does not belong to ${name}.publicKey`)
  }
  // Programs may compare the object with the one that they gave.
  const same = publicKey === keyPair.publicKey && secretKey === keyPair.secretKey
  return same ? keyPair : { ...keyPair, publicKey, secretKey }
}
exports.checkKeyPair = checkKeyPair

/**
 * The function that signs for a key pair; null if its secret key does.
 *
 * @param {string} name of the option
 * @param {object} keyPair complete, unless there is another signer
 * @param {Function} [sign] the option
 * @param {Function} own signs with `keyPair.sign`
 */
exports.checkSigner = function checkSigner(name, keyPair, sign, own) {
  const signer = checkFunction(name, sign) || (typeof keyPair?.sign === 'function' ? own : null)
  if (signer === null) checkKeyPair('keyPair', keyPair)
  else checkBytes('keyPair.publicKey', keyPair?.publicKey, 32)
  return signer
}

/** A function, or nothing. */
function checkFunction(name, value) {
  if (value && typeof value !== 'function') throw new TypeError(`${name} must be a function`)
  return value || null
}
exports.checkFunction = checkFunction

/** Bytes of a given length. */
function checkBytes(name, value, size) {
  if (!isBytes(value)) throw new TypeError(`${name} must be a buffer`)
  if (value.byteLength !== size) throw new RangeError(`${name} must be ${size} bytes`)
  return b4a.toBuffer(value)
}
exports.checkBytes = checkBytes

/** The payload of a command: bytes, or null. */
exports.checkValue = function checkValue(value) {
  if (value !== null && !isBytes(value)) throw new TypeError('value must be a buffer or null')
  return value
}

/** An integer that a number holds exactly. */
function checkUint(name, value) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be a non-negative integer`)
  }
  return value
}
exports.checkUint = checkUint

/** Hops of a datagram. */
exports.checkTtl = function checkTtl(ttl) {
  checkUint('ttl', ttl)
  if (ttl < 1 || ttl > 255) throw new RangeError('ttl must be an integer from 1 to 255')
  return ttl
}

/** An IPv4 address and a port. */
function checkAddress(name, address) {
  if (typeof address !== 'object' || address === null || !isIPv4(address.host)) {
    throw new TypeError(`${name} must have an IPv4 address as host`)
  }
  return { host: address.host, port: checkPort(`${name}.port`, address.port) }
}
exports.checkAddress = checkAddress

/** Addresses; null is none. */
function addresses(name, value) {
  return list(name, value || []).map(address => checkAddress(`an entry of ${name}`, address))
}
exports.addresses = addresses

function isIPv4(host) {
  if (typeof host !== 'string') return false
  const parts = host.split('.')
  return parts.length === 4 && parts.every(part => /^\d{1,3}$/.test(part) && Number(part) < 256)
}
exports.isIPv4 = isIPv4

/** Milliseconds as timers read them: 0 for anything falsy, else at least 1. */
exports.interval = function interval(ms) {
  if (!ms) return 0
  return ms > 1 ? Math.min(Math.ceil(ms), MAX_INTERVAL) : 1
}

function defaultBootstrap() {
  const pear = typeof Pear === 'undefined' ? null : Pear
  return pear?.config?.dht?.bootstrap || BOOTSTRAP_NODES
}

function portRange(port) {
  if (Array.isArray(port)) {
    return [checkPort('port[0]', port[0]), checkPort('port[1]', port[1], 65536)]
  }
  if (Number.isNaN(port)) throw new TypeError('port must be a number')
  const from = checkPort('port', port || DEFAULT_PORT)
  return [from, Math.min(from + PORTS, 65536)]
}

function checkPort(name, port, max = 65535) {
  if (typeof port !== 'number' || Number.isNaN(port))
    throw new TypeError(`${name} must be a number`)
  if (!Number.isInteger(port) || port < 0 || port > max) {
    throw new RangeError(`${name} must be an integer from 0 to ${max}`)
  }
  return port
}

function parseNode(node) {
  if (typeof node === 'number') node = { host: '127.0.0.1', port: node }
  if (typeof node === 'string') {
    const [host, port] = node.split(':')
    if (!port) throw new Error('Bootstrap node format is host:port')
    node = { host, port: Number(port) }
  }
  if (typeof node !== 'object' || node === null || typeof node.host !== 'string') {
    throw new TypeError('a bootstrap node must be host:port, an object or a port')
  }
  checkPort('the port of a bootstrap node', node.port)
  return node
}

// 'ip@name' asks the IP first and resolves the name only if nobody answers there.
function splitSuggestion({ host, port }) {
  const at = host.indexOf('@')
  const name = host.slice(at + 1)
  const suggested = at > 0 && isIPv4(host.slice(0, at)) ? host.slice(0, at) : null
  if (suggested === null && isIPv4(name)) return { host: name, port }
  return { name, port, suggested }
}

// Falsy is the default, as everywhere in the reference.
function number(name, opts, max, fallback = DEFAULTS[name]) {
  const value = opts[name] || fallback
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (value < 0) throw new RangeError(`${name} must not be negative`)
  return Math.min(Math.ceil(value), max)
}

function list(name, value) {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array`)
  return value
}

/** All addresses of both families. */
const ALL = '::'

const DEFAULT_PORT = 49737

/** How many ports from the wanted one on are tried. */
const PORTS = 5

/** A year: more would not fit into the system's clocks, and means never as well. */
const MAX_MS = 365 * 24 * 3600 * 1000

/** 24 days: a JavaScript timer fires at once for more. */
const MAX_INTERVAL = 0x7fffffff

const MAX_COUNT = 0x7fffffff
