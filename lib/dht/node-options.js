const { BOOTSTRAP_NODES } = require('../constants')
const { createKeyPair } = require('../native/keys')
const {
  addresses,
  checkFunction,
  checkKeyPair,
  checkList,
  checkNumber,
  checkPort,
  checkUint,
  isIPv4
} = require('../util/check')
const lazily = require('../util/lazily')

const engines = lazily(() => require('../udx/engine'))

/** Defaults of a node's options. */
const DEFAULTS = {
  concurrency: 10,
  maxWindow: 80,
  maxPingDelay: 10000,
  connectionKeepAlive: 5000,
  randomPunchInterval: 20000
}
exports.DEFAULTS = DEFAULTS

/** An internal option: the address under which other nodes know a bootstrap node. */
const PUBLIC_ADDRESS = Symbol('publicAddress')
exports.PUBLIC_ADDRESS = PUBLIC_ADDRESS

/** An internal option: the function of a dht-rpc node that chooses the nodes of its table. */
const FILTER_NODE = Symbol('filterNode')
exports.FILTER_NODE = FILTER_NODE

/**
 * Node.js and Bare have the event loop of libuv. Others that say they are Node.js may have functions
 * of its names, which end the process.
 */
const HAS_LIBUV =
  typeof Bare !== 'undefined' ||
  (globalThis.process?.release?.name === 'node' && !process.versions.bun && !process.versions.deno)

/**
 * Checks the options of a node and fills in defaults.
 *
 * @returns {object} `config` for the engine, and the values that JavaScript keeps
 */
exports.nodeOptions = function nodeOptions(opts) {
  const [portFrom, portTo] = portRange(opts.port)
  const bootstrapNodes = checkList('bootstrap', opts.bootstrap || defaultBootstrap()).map(parseNode)
  const keyPair = opts.keyPair ? checkKeyPair('keyPair', opts.keyPair) : createKeyPair(opts.seed)
  const filterNode = checkFunction('filterNode', opts[FILTER_NODE])
  const downHintsRateLimit = hintsPerTick(opts)
  const dualStack = opts.host === ALL
  const host = (!dualStack && opts.host) || '0.0.0.0'
  if (!isIPv4(host)) throw new TypeError(`host must be an IPv4 address or '${ALL}'`)
  const udx = opts.udx ? engines().checkInstance(opts.udx) : null
  const protect = checkFunction('protect', opts.protect)

  return {
    udx,
    protect: protect || (udx && engines().engineOf(udx).protect),
    bootstrapNodes,
    keyPair,
    filterNode,
    config: {
      host,
      dualStack,
      portFrom,
      portTo,
      anyPort: opts.anyPort !== false,
      lends: opts.lendSockets !== false && HAS_LIBUV,
      secretKey: keyPair.secretKey,
      bootstrap: bootstrapNodes.map(splitSuggestion),
      nodes: addresses('nodes', opts.nodes),
      ephemeral: typeof opts.ephemeral === 'boolean' ? opts.ephemeral : null,
      adaptive: typeof opts.ephemeral !== 'boolean' && opts.adaptive !== false,
      firewalled: opts.firewalled !== false,
      quickFirewall: opts.quickFirewall !== false,
      publicAddress: opts[PUBLIC_ADDRESS] || null,
      connectionKeepAlive:
        opts.connectionKeepAlive === false ? 0 : number('connectionKeepAlive', opts, MAX_MS),
      userTimeout: userTimeout(opts),
      randomPunchInterval: number('randomPunchInterval', opts, MAX_MS),
      concurrency: number('concurrency', opts, MAX_COUNT),
      maxWindow: number('maxWindow', opts, MAX_COUNT),
      maxPingDelay: number('maxPingDelay', opts, MAX_MS),
      maxSize: number('maxSize', opts, MAX_COUNT, 65536),
      maxAge: number('maxAge', opts, MAX_MS, 0) || null,
      watchTable: true,
      filterNodes: filterNode !== null,
      deferRandomPunch: !!opts.deferRandomPunch,
      sendDownHints: opts.sendDownHints !== false,
      downHintsRateLimit: downHintsRateLimit === -1 ? null : downHintsRateLimit,
      adaptiveTimeout: opts.adaptiveTimeout ? adaptiveTimeout(opts.adaptiveTimeout) : null
    },
    sendDownHints: opts.sendDownHints !== false,
    downHintsRateLimit
  }
}

/** How long a peer may be silent. */
function userTimeout(opts) {
  const ms = number('userTimeout', opts, MAX_MS, USER_TIMEOUT)
  if (ms < USER_TIMEOUT || ms > MAX_USER_TIMEOUT) {
    throw new RangeError(`userTimeout must be from ${USER_TIMEOUT} to ${MAX_USER_TIMEOUT}`)
  }
  return ms
}

// -1 means no limit.
function hintsPerTick({ downHintsRateLimit = 50 }) {
  if (downHintsRateLimit === -1) return -1
  return checkUint('downHintsRateLimit', downHintsRateLimit)
}

/** The options of the module adaptive-timeout, with its defaults. `true` means all defaults. */
function adaptiveTimeout(opts) {
  const fallback = checkList(
    'adaptiveTimeout.fallback',
    opts.fallback || [250, 500, 1000, 2000, 4000]
  )
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

// For 'ip@name' the core asks the IP first, and resolves the name only if the IP does not answer.
function splitSuggestion({ host, port }) {
  const at = host.indexOf('@')
  const name = host.slice(at + 1)
  const suggested = at > 0 && isIPv4(host.slice(0, at)) ? host.slice(0, at) : null
  if (suggested === null && isIPv4(name)) return { kind: 'address', address: { host: name, port } }
  return { kind: 'name', host: name, port, suggested }
}

// A falsy value means the default, as it does throughout the reference.
function number(name, opts, max, fallback = DEFAULTS[name]) {
  return checkNumber(name, opts[name] || fallback, max)
}

/** Milliseconds after which the reference gives up. */
const USER_TIMEOUT = 13000

/** A peer that is gone takes memory and packets for so long. */
const MAX_USER_TIMEOUT = 10 * 60 * 1000

/** The wildcard address of both families. */
const ALL = '::'

const DEFAULT_PORT = 49737

/** How many ports are tried, from the wanted one upwards. */
const PORTS = 5

/** A year, which is as good as for ever. Longer times overflow the system's clocks. */
const MAX_MS = 365 * 24 * 3600 * 1000

const MAX_COUNT = 0x7fffffff
