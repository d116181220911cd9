// Stand-ins for parts of the npm module that this version does not have. They throw NOT_SUPPORTED.

/**
 * Adds methods that throw to a class or an object.
 *
 * @param {object} target the class's prototype
 * @param {string} owner the name that the error message uses
 * @param {Array<string | symbol>} throwing
 */
exports.standIn = standIn
function standIn(target, owner, throwing) {
  for (const name of throwing) {
    define(target, name, () => {
      throw error(`${owner}.${String(name)}()`)
    })
  }
  return target
}

function define(target, name, value) {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

function error(what) {
  const err = new Error(`${what} is not supported in this version of hyperdht-native`)
  err.code = 'NOT_SUPPORTED'
  return err
}
