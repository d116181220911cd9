// What crosses the border is the same on both sides: random values go over and come back.

const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const binding = require('../../binding')
const border = require('../../lib/native/border')
const events = require('../../lib/dht/events')
const { createKeyPair } = require('../../lib/native/keys')
const { schema, encodingOf, checkFields } = require('../../lib/native/schema')
const { fs, path } = require('../helpers/runtime')
const { generator, seed } = require('../helpers/random')

/** Values of each row. */
const ROUNDS = 20

console.log('# HYPERDHT_SEED=' + seed)
const random = generator(seed)

test('commands: from JavaScript to the core and back', t => {
  for (const { number, name, body } of border.COMMANDS.values()) {
    const fields = schema.commands.choice.find(row => row[0] === number)[2]
    t.execution(() => {
      for (let i = 0; i < ROUNDS; i++) {
        const message = anyRecord(fields)
        const bytes = border.encodeCommand(name, message)
        const back = call(binding.echoCommand, bytes)
        same(bytes, back)
        same(message, decodeAll(body, back.subarray(1)))
      }
    }, name)
  }
})

test('options of a node: from JavaScript to the core and back', t => {
  for (let i = 0; i < ROUNDS; i++) {
    const options = anyRecord(schema.options.fields)
    const bytes = c.encode(border.options, options)
    const back = call(binding.echoOptions, bytes)
    t.alike(back, bytes)
    t.alike(decodeAll(border.options, back), options)
  }
})

test('events: from the core to JavaScript', t => {
  for (const { number, name, body } of border.EVENTS.values()) {
    t.execution(() => {
      for (let i = 0; i < ROUNDS; i++) {
        const bytes = call(binding.sampleEvent, number, anyInt(2 ** 32))
        const row = border.eventOf(bytes[0])
        const event = border.decodeEvent(row, c.state(1, bytes.byteLength, bytes))
        same(row.name, name)
        same(c.encode(body, event), bytes.subarray(1))
      }
    }, name)
  }
})

test('answers: from the core to JavaScript', t => {
  for (const { number, name, body } of border.QUESTIONS.values()) {
    t.execution(() => {
      for (let i = 0; i < ROUNDS; i++) {
        const bytes = call(binding.sampleAnswer, number, anyInt(2 ** 32))
        const answer = border.decodeAnswer(name, c.state(0, bytes.byteLength, bytes))
        same(c.encode(body, answer), bytes)
      }
    }, name)
  }
})

test('what is left over, or cut off, is an error on both sides', t => {
  const end = border.encodeCommand('end', { conn: 7 })
  t.exception(() => call(binding.echoCommand, b4a.concat([end, b4a.alloc(1)])), /left over/)
  t.exception(() => call(binding.echoCommand, end.subarray(0, 3)), /too early/)
  t.exception(() => call(binding.echoCommand, b4a.from([200])), /unknown value/)

  const closed = schema.events.choice.find(([, name]) => name === 'serverClosed')[0]
  const bytes = call(binding.sampleEvent, closed, 1)
  const row = border.eventOf(closed)
  const longer = b4a.concat([bytes.subarray(1), b4a.alloc(1)])
  malformed(t, () => border.decodeEvent(row, c.state(0, longer.byteLength, longer)))
  malformed(t, () => border.eventOf(255))
  malformed(t, () => border.decodeAnswer('firewalled', c.state(0, 2, b4a.from([1, 1]))))
  malformed(t, () => border.decodeAnswer('firewalled', c.state(0, 1, b4a.from([2]))))
})

test('a field that is missing, or has another name, is an error', t => {
  malformed(t, () => border.encodeCommand('end', {}))
  malformed(t, () => border.encodeCommand('end', { connection: 7 }))
  malformed(t, () => border.encodeCommand('end', { conn: 7, query: 7 }))
  t.exception(() => border.encodeCommand('end', { conn: 7, kind: 7 }), /kind is no field/)
  malformed(t, () => border.encodeCommand('unheardOf', {}))
  malformed(t, () => border.encodeCommand('steerQuery', { query: 7, steer: 'back' }))
  const other = { kind: 'unheardOf' }
  const request = anyRecord(fieldsOf('commands', 'answerRequest')[0][1].fields)
  malformed(t, () => border.encodeCommand('answerRequest', { request, answer: other }))
})

test('what is written by hand is what the tables say', t => {
  for (const name of ['queryReply', 'queryDone', 'connection', 'opened', 'closed']) {
    const byTable = encodingOf({ fields: fieldsOf('events', name) })
    const row = [...border.EVENTS.values()].find(row => row.name === name)
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = call(binding.sampleEvent, row.number, anyInt(2 ** 32))
      const event = border.decodeEvent(row, c.state(1, bytes.byteLength, bytes))
      t.alike(event, decodeAll(byTable, bytes.subarray(1)), name)
    }
  }

  const connect = fieldsOf('commands', 'connect')
  for (let i = 0; i < ROUNDS; i++) {
    const message = anyRecord(connect)
    const byTable = c.encode(encodingOf({ fields: connect }), message)
    t.alike(border.encodeCommand('connect', message).subarray(1), byTable)
  }

  const fields = fieldsOf('events', 'queryReply')
  const [first, second, ...others] = fields
  const changes = {
    removed: [second, ...others],
    added: [...fields, ['more', 'u8']],
    renamed: [['other', first[1]], second, ...others],
    reordered: [second, first, ...others],
    retyped: [[first[0], 'u16'], second, ...others]
  }
  for (const [change, changed] of Object.entries(changes)) {
    t.exception(() => checkFields('queryReply', changed, fields), /fields have changed/, change)
  }
  const byHand = { QueryReply: { fields: [], decode() {} } }
  t.exception(() => encodingOf(fields[1][1], byHand), /QueryReply is written by hand/)
})

test('each event has a handler, which reads only fields that there are', t => {
  const control = [...border.EVENTS.values()].slice(3).map(({ name }) => name)
  t.alike(Object.keys(events).sort(), control.sort())
  for (const name of control) {
    const names = fieldsOf('events', name).map(([field]) => field)
    const unknown = read(events[name]).filter(field => !names.includes(field))
    t.alike(unknown, [], name)
  }
})

test('each command is given somewhere, and no other is', t => {
  const given = new Set()
  for (const source of sources(path.join(__dirname, '../../lib'))) {
    for (const [, name] of source.matchAll(/\b_?(?:command|begin|_turn)\('(\w+)'/g)) given.add(name)
  }
  t.alike([...given].sort(), [...border.COMMANDS.keys()].sort())
})

/** The names of the fields that a handler takes out of its event. */
function read(handler) {
  const [, head] = String(handler).match(/^[^(]*\((?:\w+|\{[^}]*\})(?:, \{([^}]*)\})?\)/) || []
  if (head === undefined) return []
  return head.split(',').map(field => field.split(':')[0].trim())
}

function fieldsOf(table, row) {
  return schema[table].choice.find(([, name]) => name === row)[2]
}

function malformed(t, call) {
  try {
    call()
    t.fail('nothing is thrown')
  } catch (err) {
    t.is(err.code, 'MALFORMED', String(err))
  }
}

function same(a, b) {
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)]
  if (one !== other) throw new Error(`${one} is not ${other}`)
}

function decodeAll(encoding, bytes) {
  const state = c.state(0, bytes.byteLength, bytes)
  const value = encoding.decode(state)
  same(state.start, state.end)
  return value
}

/** Calls a function of the addon that writes its answer into memory. */
function call(write, ...args) {
  const out = b4a.alloc(64 * 1024)
  const length = write(...args, out)
  if (length <= 0) throw new Error(`${length} bytes`)
  return out.subarray(0, length)
}

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const file = path.join(folder, entry.name)
    return entry.isDirectory() ? sources(file) : [fs.readFileSync(file, 'utf8')]
  })
}

// Values of all types of the tables.

function any(type) {
  if (typeof type === 'string') return ANY[type]()
  if (type.optional) return coin() ? any(type.optional) : null
  if (type.list) return Array.from({ length: anyInt(4) }, () => any(type.list))
  if (type.word) return pick(type.word)
  if (type.choice) return anyRow(pick(type.choice))
  return anyRecord(type.fields)
}

function anyRow([, kind, fields]) {
  return { kind, ...anyRecord(fields) }
}

function anyRecord(fields) {
  return Object.fromEntries(fields.map(([name, type]) => [name, any(type)]))
}

const ANY = {
  u8: () => anyInt(2 ** 8),
  u16: () => anyInt(2 ** 16),
  u32: () => anyInt(2 ** 32),
  uint: () => anyInt(2 ** anyInt(33)),
  bool: coin,
  ipv4: () => [anyInt(256), anyInt(256), anyInt(256), anyInt(256)].join('.'),
  address: () => ({ host: ANY.ipv4(), port: ANY.u16() }),
  bytes: () => anyBytes(anyInt(300)),
  bytes32: () => anyBytes(32),
  bytes64: () => anyBytes(64),
  secretKey: () => createKeyPair(anyBytes(32)).secretKey,
  string: () => pick(['', 'a', 'é 語 🦀', 'x'.repeat(300)])
}

function anyBytes(length) {
  return b4a.from(Array.from({ length }, () => anyInt(256)))
}

function coin() {
  return random() < 0.5
}

function pick(from) {
  return from[anyInt(from.length)]
}

function anyInt(limit) {
  return Math.floor(random() * limit)
}
