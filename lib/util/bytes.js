/**
 * Whether a value is a Uint8Array, a Buffer included. It may come from another realm, as those of a
 * `vm` context, of Jest or of a frame: then it is an instance of a class that we do not know.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
exports.isBytes = function isBytes(value) {
  return kind.call(value) === 'Uint8Array'
}

// Names the class of a typed array by what it is made of, and anything else undefined.
const TypedArray = Object.getPrototypeOf(Uint8Array)
const kind = Object.getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get
