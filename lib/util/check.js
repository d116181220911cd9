// Checks of arguments. Each returns the value in the form that the core takes.

const b4a = require('b4a')
const { isBytes } = require('./bytes')

/** A public key with its secret key. */
function checkKeyPair(name, keyPair) {
  if (typeof keyPair !== 'object' || keyPair === null) {
    throw new TypeError(`${name} must be an object with publicKey and secretKey`)
  }
  const publicKey = checkBytes(`${name}.publicKey`, keyPair.publicKey, 32)
  const secretKey = checkBytes(`${name}.secretKey`, keyPair.secretKey, 64)
  if (!b4a.equals(secretKey.subarray(32), publicKey)) {
    throw new TypeError(`${name}.secretKey does not belong to ${name}.publicKey`)
  }
  // the same object if possible: programs may compare it with the one that they passed
  const same = publicKey === keyPair.publicKey && secretKey === keyPair.secretKey
  return same ? keyPair : { ...keyPair, publicKey, secretKey }
}
exports.checkKeyPair = checkKeyPair

/** A key pair for a handshake that the program makes. The secret key is optional. */
exports.checkForeignKeyPair = function checkForeignKeyPair(name, keyPair) {
  if (keyPair?.secretKey) return checkKeyPair(name, keyPair)
  checkBytes(`${name}.publicKey`, keyPair?.publicKey, 32)
  return keyPair
}

/**
 * The function that signs for a key pair. Null if the secret key signs.
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

/** A function. Null if the value is falsy. */
function checkFunction(name, value) {
  if (value && typeof value !== 'function') throw new TypeError(`${name} must be a function`)
  return value || null
}
exports.checkFunction = checkFunction

/** A connection pool. Null if the value is falsy. */
exports.checkPool = function checkPool(pool) {
  if (!pool) return null
  const isPool = typeof pool.attachServer === 'function' && typeof pool.attachStream === 'function'
  if (!isPool) throw new TypeError('pool must be a pool of a node')
  return pool
}

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

/** A non-negative integer that a number represents exactly. */
function checkUint(name, value) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be a non-negative integer`)
  }
  return value
}
exports.checkUint = checkUint

/** The time to live of a datagram, in hops. */
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

/** A list of addresses. A falsy value is an empty list. */
function addresses(name, value) {
  return checkList(name, value || []).map(address => checkAddress(`an entry of ${name}`, address))
}
exports.addresses = addresses

function isIPv4(host) {
  if (typeof host !== 'string') return false
  const parts = host.split('.')
  return parts.length === 4 && parts.every(part => OCTET.test(part) && Number(part) < 256)
}
exports.isIPv4 = isIPv4

/** Milliseconds for a timer: 0 for a falsy value, else at least 1. */
exports.interval = function interval(ms) {
  if (!ms) return 0
  return ms > 1 ? Math.min(Math.ceil(ms), MAX_INTERVAL) : 1
}

/** A port, up to `max`. */
function checkPort(name, port, max = 65535) {
  if (typeof port !== 'number' || Number.isNaN(port))
    throw new TypeError(`${name} must be a number`)
  if (!Number.isInteger(port) || port < 0 || port > max) {
    throw new RangeError(`${name} must be an integer from 0 to ${max}`)
  }
  return port
}
exports.checkPort = checkPort

/** A non-negative number, rounded up and limited to `max`. */
exports.checkNumber = function checkNumber(name, value, max) {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`)
  if (value < 0) throw new RangeError(`${name} must not be negative`)
  return Math.min(Math.ceil(value), max)
}

function checkList(name, value) {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array`)
  return value
}
exports.checkList = checkList

/** 24 days. A JavaScript timer with a longer time fires at once. */
const MAX_INTERVAL = 0x7fffffff

/** A number of up to three digits. Some systems read digits after a zero as octal. */
const OCTET = /^(?:0|[1-9]\d{0,2})$/
