const c = require('compact-encoding')

// Every reply of a query names twenty addresses: strings are joined, not made from numbers.
const OCTETS = Array.from({ length: 256 }, (_, n) => String(n))
const DOTTED = OCTETS.map(octet => octet + '.')

/** Four bytes of host and two of port. */
const SIZE = 6

/** An IPv4 address and a port, without the `family` that compact-encoding adds. */
module.exports = {
  preencode: c.ipv4Address.preencode,
  encode: c.ipv4Address.encode,
  decode(state) {
    const { start, end, buffer } = state
    if (end - start < SIZE) throw new Error('Out of bounds')
    state.start = start + SIZE
    const network = DOTTED[buffer[start]] + DOTTED[buffer[start + 1]]
    const host = network + DOTTED[buffer[start + 2]] + OCTETS[buffer[start + 3]]
    return { host, port: buffer[start + 4] | (buffer[start + 5] << 8) }
  }
}
