// Byte arrays for which `instanceof Uint8Array` is false.

const { isBare } = require('./runtime')

const prototype = copyOf(Uint8Array.prototype)

/** By name: a function that copies bytes into an array of another realm. */
exports.REALMS = isBare ? { likeOne } : { likeOne, vm: inContext() }

// With the prototypes of another realm, which Bare cannot make.
function likeOne(bytes) {
  return Object.setPrototypeOf(new Uint8Array(bytes), prototype)
}

function inContext() {
  const vm = require('vm')
  const Foreign = vm.runInContext('Uint8Array', vm.createContext({}))
  return bytes => {
    const copy = new Foreign(bytes.byteLength)
    copy.set(bytes)
    return copy
  }
}

function copyOf(proto) {
  if (proto === null) return null
  return Object.create(
    copyOf(Object.getPrototypeOf(proto)),
    Object.getOwnPropertyDescriptors(proto)
  )
}
