// The pieces that border.js and inspect.js are made of, in compact-encoding.

const c = require('compact-encoding')
const ownBytes = require('./own-bytes')

// Every reply of a query names twenty addresses: strings are joined, not made from numbers.
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

// The same encoding; what it decodes does not share memory with the message.
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

function optional(encoding) {
  return {
    preencode(state, value) {
      state.end++
      if (value !== null && value !== undefined) encoding.preencode(state, value)
    },
    encode(state, value) {
      const present = value !== null && value !== undefined
      c.uint8.encode(state, present ? 1 : 0)
      if (present) encoding.encode(state, value)
    },
    decode(state) {
      return c.uint8.decode(state) === 1 ? encoding.decode(state) : null
    }
  }
}

// A struct as a list of names and encodings, in the order of the wire.
function struct(fields) {
  const names = Object.keys(fields)
  return {
    preencode(state, m) {
      for (const name of names) fields[name].preencode(state, m[name])
    },
    encode(state, m) {
      for (const name of names) fields[name].encode(state, m[name])
    },
    decode(state) {
      const m = {}
      for (const name of names) m[name] = fields[name].decode(state)
      return m
    }
  }
}

/** A struct of numbers. */
function uints(names) {
  return struct(Object.fromEntries(names.map(name => [name, c.uint])))
}

module.exports = { address, addresses, hash, key, optional, ownBuffer, struct, uints }
