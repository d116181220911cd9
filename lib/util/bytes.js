/**
 * Whether a value is a Uint8Array or a Buffer. It may come from another realm (a `vm` context,
 * Jest, a frame), where `instanceof` does not recognise it.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
exports.isBytes = function isBytes(value) {
  return kind.call(value) === 'Uint8Array'
}

// Returns the name of a typed array's class in any realm, and undefined for other values.
const TypedArray = Object.getPrototypeOf(Uint8Array)
const kind = Object.getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get
