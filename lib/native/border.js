// What crosses the border to the core. The core's tables (crates/border) say which commands, events
// and questions there are, with their fields in the order of the wire.

const b4a = require('b4a')
const c = require('compact-encoding')
const Malformed = require('./malformed')
const byHand = require('./by-hand')
const { find } = require('./encodings')
const { schema, encodingOf, checkFields } = require('./schema')

/** The options of a new node. */
const options = encodingOf(schema.options)

const COMMANDS = rows(schema.commands.choice, ([, name]) => name)
const EVENTS = rows(schema.events.choice, ([number]) => number)
const QUESTIONS = rows(schema.questions, ([, name]) => name)

// The events that `dispatcher.js` decodes by hand.

const MESSAGE_FIELDS = [
  ['conn', 'u32'],
  ['data', 'bytes']
]
const DRAINED_FIELDS = [
  ['conn', 'u32'],
  ['bytes', 'uint']
]

const DATA = numberOf('data', MESSAGE_FIELDS)
const MESSAGE = numberOf('message', MESSAGE_FIELDS)
const DRAINED = numberOf('drained', DRAINED_FIELDS)

/** Besides the events above, this is the only one that other events may follow in a batch. */
const QUERY_REPLY = numberOf('queryReply')

/** What a stream has got before this event, its reader gets first. */
const CLOSED = numberOf('closed')

/** Messages of at least this many bytes are not in the slab: they are taken one by one. */
const LARGE = schema.large

/** The bytes of a command. */
function encodeCommand(name, message) {
  const { number, body } = find(COMMANDS, name)
  const state = c.state(0, 1)
  body.preencode(state, message)
  state.buffer = b4a.allocUnsafe(state.end)
  c.uint8.encode(state, number)
  body.encode(state, message)
  return state.buffer
}

/** The row of an event. */
function eventOf(number) {
  return find(EVENTS, number)
}

/**
 * Decodes an event whose number has been read. It ends the batch, unless it is a reply of a query.
 */
function decodeEvent({ number, body }, state) {
  const event = body.decode(state)
  if (number !== QUERY_REPLY) checkEnd(state)
  return event
}

/** Decodes the answer to a question. */
function decodeAnswer(name, state) {
  const answer = find(QUESTIONS, name).body.decode(state)
  checkEnd(state)
  return answer
}

module.exports = {
  options,
  COMMANDS,
  EVENTS,
  QUESTIONS,
  DATA,
  MESSAGE,
  DRAINED,
  CLOSED,
  LARGE,
  encodeCommand,
  eventOf,
  decodeEvent,
  decodeAnswer
}

// Bytes that are left over show that the two sides disagree about the encoding.
function checkEnd(state) {
  if (state.start !== state.end) throw new Malformed('bytes are left over')
}

// The rows of a table, each with its number, its name and its encoding.
function rows(table, keyOf) {
  const entries = table.map(([number, name, type]) => {
    const body = Array.isArray(type) ? { fields: type } : type
    return { number, name, body: encodingOf(body, byHand) }
  })
  return new Map(entries.map((entry, i) => [keyOf(table[i]), entry]))
}

function numberOf(event, fields = null) {
  const [number, , actual] = schema.events.choice.find(([, name]) => name === event)
  if (fields !== null) checkFields(event, actual, fields)
  return number
}
