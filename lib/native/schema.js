// The core's tables of what crosses the border (crates/border), and an encoding for each type in
// them.

const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../../binding')
const { address, bool, choice, endpoint, exact, float, hash, key } = require('./encodings')
const { nothing, optional, outcome, ownBuffer, word } = require('./encodings')

/** The first guess at the bytes of all tables. More memory is made if they need it. */
const SIZE = 32 * 1024

/** The decoded tables: `commands`, `events`, `questions`, `options`, `large`. */
const schema = JSON.parse(read())

const NAMED = {
  u8: c.uint8,
  u16: c.uint16,
  u32: c.uint32,
  uint: c.uint,
  f64: float,
  bool,
  address,
  endpoint,
  ipv4: c.ipv4,
  bytes: ownBuffer,
  bytes32: key,
  bytes64: hash,
  secretKey: c.fixed64,
  string: c.string,
  nothing
}

/**
 * The encoding of a type.
 *
 * @param {string | object} type as the tables write it
 * @param {Record<string, object>} [byHand] encodings, whole or in part, of records that cross the
 *   border often, each with its `fields`: an error if the tables say otherwise
 */
function encodingOf(type, byHand = {}) {
  if (typeof type === 'string') return named(type)
  const of = inner => encodingOf(inner, byHand)
  const rowOf = ([number, name, fields]) => [number, name, fieldsOf(fields, of)]

  if (type.optional) return optional(of(type.optional))
  if (type.list) return c.array(of(type.list))
  if (type.outcome) return outcome(of(type.outcome))
  if (type.word) return word(type.word)
  if (type.choice) return choice(type.choice.map(rowOf))

  const record = exact(fieldsOf(type.fields, of))
  if (!Object.hasOwn(byHand, type.record)) return record
  const { fields, ...encoding } = byHand[type.record]
  checkFields(type.record, type.fields, fields)
  return { ...record, ...encoding }
}

/** Throws if the fields in a table are not those of the code that is written by hand. */
function checkFields(name, fields, expected) {
  if (JSON.stringify(fields) === JSON.stringify(expected)) return
  throw new Error(`${name} is written by hand, and its fields have changed`)
}

module.exports = { schema, encodingOf, checkFields }

function fieldsOf(fields, of) {
  return Object.fromEntries(fields.map(([name, type]) => [name, of(type)]))
}

function named(type) {
  if (Object.hasOwn(NAMED, type)) return NAMED[type]
  throw new Error(`The core has a type that is not known here: ${type}`)
}

function read() {
  let memory = b4a.allocUnsafeSlow(SIZE)
  let length = binding.schema(memory)
  if (length < 0) {
    memory = b4a.allocUnsafeSlow(-length)
    length = binding.schema(memory)
  }
  return b4a.toString(memory, 'utf8', 0, length)
}
