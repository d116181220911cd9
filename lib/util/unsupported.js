// Stand-ins for parts of the npm module that this version does not have. They throw NOT_SUPPORTED.

/** Throws if an unsupported option is set. */
exports.refuse = function refuse(opts, names) {
  for (const name of names) {
    if (opts?.[name]) throw error(`The option ${name}`)
  }
}

/**
 * Adds methods that throw to a class or an object.
 *
 * @param {object} target the class's prototype
 * @param {string} owner the name that the error message uses
 * @param {Array<string | symbol>} throwing
 * @param {string[]} [rejecting] methods that return a promise in the npm module
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

/** Adds options to a class that read as null, and throw when they are set. */
exports.refuseAssignment = function refuseAssignment(target, owner, names) {
  for (const name of names) {
    const get = () => null
    const set = value => {
      if (value) throw error(`${owner}.${name}`)
    }
    Object.defineProperty(target, name, { get, set, configurable: true })
  }
}

function define(target, name, value) {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

exports.notSupported = error

function error(what) {
  const err = new Error(`${what} is not supported in this version of hyperdht-native`)
  err.code = 'NOT_SUPPORTED'
  return err
}
