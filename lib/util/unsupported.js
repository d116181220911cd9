// What the npm module has and this version has not: it says so, it does not guess.

const { EventEmitter } = require('events')

/** Throws for an option that would change what happens, if it worked. */
exports.refuse = function refuse(opts, names) {
  for (const name of names) {
    if (opts?.[name]) throw error(`The option ${name}`)
  }
}

/**
 * Gives a class, or an object, the methods that it has not.
 *
 * @param {object} target the class's prototype
 * @param {string} owner how programs call it
 * @param {Array<string | symbol>} throwing
 * @param {string[]} [rejecting] those that return a promise in the npm module
 */
exports.standIn = standIn
function standIn(target, owner, throwing, rejecting = []) {
  for (const name of throwing) {
    define(target, name, () => {
      throw error(`${owner}.${String(name)}()`)
    })
  }
  for (const name of rejecting) {
    define(target, name, async () => {
      throw error(`${owner}.${name}()`)
    })
  }
  return target
}

/** Gives a class options that may be read, and are refused when they are set. */
exports.refuseAssignment = function refuseAssignment(target, owner, names) {
  for (const name of names) {
    const get = () => null
    const set = value => {
      if (value) throw error(`${owner}.${name}`)
    }
    Object.defineProperty(target, name, { get, set, configurable: true })
  }
}

/** The methods of an event emitter. */
exports.EMITTER = Object.keys(Object.getOwnPropertyDescriptors(EventEmitter.prototype)).filter(
  name => name !== 'constructor' && typeof EventEmitter.prototype[name] === 'function'
)

/** `dht.udx`, and that of streams and sockets. */
exports.udx = standIn(
  {},
  'udx',
  ['createSocket', 'createStream', 'networkInterfaces', 'watchNetworkInterfaces'],
  ['lookup']
)

/** `dht.io.networkInterfaces`. */
exports.networkInterfaces = standIn(
  {},
  'networkInterfaces',
  [...exports.EMITTER, 'watch', 'unwatch', Symbol.iterator],
  ['destroy']
)

/** `dht.rawStreams`. */
exports.rawStreams = standIn({}, 'rawStreams', ['add', Symbol.iterator], ['clear'])

function define(target, name, value) {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

function error(what) {
  const err = new Error(`${what} is not supported in this version of hyperdht-native`)
  err.code = 'NOT_SUPPORTED'
  return err
}
