// The encodings of the border's types, in compact-encoding.

const c = require('compact-encoding')
const Malformed = require('./malformed')
const ownBytes = require('./own-bytes')

// A reply of a query names up to twenty addresses: strings are joined, not made from numbers.
const OCTETS = Array.from({ length: 256 }, (_, n) => String(n))
const DOTTED = OCTETS.map(octet => octet + '.')

/** Four bytes of host and two of port. */
const ADDRESS = 6

/** An IPv4 address and a port, without the `family` that compact-encoding adds. */
const address = {
  preencode: c.ipv4Address.preencode,
  encode: c.ipv4Address.encode,
  decode(state) {
    const { start, end, buffer } = state
    if (end - start < ADDRESS) throw new Error('Out of bounds')
    state.start = start + ADDRESS
    const network = DOTTED[buffer[start]] + DOTTED[buffer[start + 1]]
    const host = network + DOTTED[buffer[start + 2]] + OCTETS[buffer[start + 3]]
    return { host, port: buffer[start + 4] | (buffer[start + 5] << 8) }
  }
}
const addresses = c.array(address)

// The same encoding, except that decoded values do not share memory with the message.
function own(encoding) {
  return {
    preencode: encoding.preencode,
    encode: encoding.encode,
    decode: state => ownBytes.copy(encoding.decode(state))
  }
}
const key = own(c.fixed32)
const hash = own(c.fixed64)
const ownBuffer = own(c.buffer)

const bool = {
  preencode: c.uint8.preencode,
  encode(state, value) {
    if (typeof value !== 'boolean') throw new Malformed('must be true or false')
    c.uint8.encode(state, value ? 1 : 0)
  },
  decode(state) {
    const value = c.uint8.decode(state)
    if (value > 1) throw new Malformed('neither true nor false')
    return value === 1
  }
}

function optional(encoding) {
  return {
    preencode(state, value) {
      state.end++
      if (value !== null) encoding.preencode(state, value)
    },
    encode(state, value) {
      bool.encode(state, value !== null)
      if (value !== null) encoding.encode(state, value)
    },
    decode(state) {
      const flag = c.uint8.decode(state)
      if (flag === 1) return encoding.decode(state)
      if (flag === 0) return null
      throw new Malformed('neither there nor absent')
    }
  }
}

// A struct as a list of names and encodings, in the order of the wire.
function struct(fields) {
  const list = listOf(fields)
  const read = (state, m) => {
    for (const { name, encoding } of list) m[name] = encoding.decode(state)
    return m
  }
  return {
    preencode(state, m) {
      for (const { name, encoding } of list) encoding.preencode(state, m[name])
    },
    encode(state, m) {
      for (const { name, encoding } of list) encoding.encode(state, m[name])
    },
    decode: state => read(state, {}),
    read
  }
}

/**
 * A struct that refuses objects with other fields, which would not reach the core.
 *
 * @param {object} fields
 * @param {0 | 1} [extra] 1 if an object has a field `kind`, which is not the struct's
 */
function exact(fields, extra = 0) {
  const list = listOf(fields)
  const count = list.length + extra
  return {
    ...struct(fields),
    preencode(state, m) {
      for (const { name, encoding } of list) {
        const value = m[name]
        // it would be written as nothing, or as 0
        if (value === undefined) throw new Malformed(`${name} is missing`)
        encoding.preencode(state, value)
      }
      if (Object.keys(m).length !== count) throw new Malformed(noField(fields, extra, m))
    }
  }
}

/**
 * One of several structs: an object with `kind`, the name of the struct, and its fields.
 *
 * @param {Array<[number: number, name: string, fields: object]>} rows
 */
function choice(rows) {
  const bodies = rows.map(([number, name, fields]) => ({ number, name, body: exact(fields, 1) }))
  const byNumber = new Map(bodies.map(row => [row.number, row]))
  const byName = new Map(bodies.map(row => [row.name, row]))
  return {
    preencode(state, m) {
      state.end++
      find(byName, m.kind).body.preencode(state, m)
    },
    encode(state, m) {
      const { number, body } = find(byName, m.kind)
      c.uint8.encode(state, number)
      body.encode(state, m)
    },
    decode(state) {
      const { name, body } = find(byNumber, c.uint8.decode(state))
      return body.read(state, { kind: name })
    }
  }
}

/** One of several strings. */
function word(words) {
  return {
    preencode: c.uint8.preencode,
    encode(state, value) {
      const number = words.indexOf(value)
      if (number === -1) throw new Malformed(`unknown: ${value}`)
      c.uint8.encode(state, number)
    },
    decode(state) {
      const number = c.uint8.decode(state)
      if (number >= words.length) throw new Malformed(`unknown: ${number}`)
      return words[number]
    }
  }
}

const failure = struct({ code: c.string, message: c.string })

/** A value, or the failure instead of it. */
function outcome(encoding) {
  return {
    preencode(state, { failure: failed, value }) {
      state.end++
      if (failed === null) encoding.preencode(state, value)
      else failure.preencode(state, failed)
    },
    encode(state, { failure: failed, value }) {
      bool.encode(state, failed === null)
      if (failed === null) encoding.encode(state, value)
      else failure.encode(state, failed)
    },
    decode(state) {
      if (bool.decode(state)) return { failure: null, value: encoding.decode(state) }
      return { failure: failure.decode(state), value: null }
    }
  }
}

const nothing = {
  preencode() {},
  encode() {},
  decode: () => null
}

/** The value of a key. Throws if there is none. */
function find(map, name) {
  const found = map.get(name)
  if (found === undefined) throw new Malformed(`unknown: ${name}`)
  return found
}

module.exports = {
  address,
  addresses,
  bool,
  choice,
  exact,
  find,
  float: c.float64,
  hash,
  key,
  nothing,
  optional,
  outcome,
  ownBuffer,
  struct,
  word
}

function listOf(fields) {
  return Object.entries(fields).map(([name, encoding]) => ({ name, encoding }))
}

// Which field of an object a struct does not have.
function noField(fields, extra, m) {
  const isKnown = name => Object.hasOwn(fields, name) || (extra > 0 && name === 'kind')
  return `${Object.keys(m).find(name => !isKnown(name))} is no field`
}
