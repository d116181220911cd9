// Addresses as text.

const { isIPv4 } = require('../util/check')

/** @returns {boolean} */
function isIPv6(host) {
  if (typeof host !== 'string') return false
  const [address, zone, ...more] = host.split('%')
  if (more.length > 0 || zone === '' || (zone && !ZONE.test(zone))) return false

  const halves = address.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half, i) => groupsOf(half, i === halves.length - 1))
  if (groups.includes(null)) return false
  const count = groups.reduce((sum, size) => sum + size, 0)
  return halves.length === 2 ? count < GROUPS : count === GROUPS
}

/** The family of an address, 4 or 6; 0 if the text is not an address. */
function isIP(host) {
  if (isIPv4(host)) return 4
  return isIPv6(host) ? 6 : 0
}

module.exports = { isIPv4, isIPv6, isIP }

// The sizes of the groups of one half, in 16 bits. Null stands for one that is malformed. The last
// two groups of an address may be written as an IPv4 address.
function groupsOf(half, isLast) {
  if (half === '') return []
  const parts = half.split(':')
  return parts.map((part, i) => {
    if (HEX.test(part)) return 1
    return isLast && i === parts.length - 1 && isIPv4(part) ? 2 : null
  })
}

const GROUPS = 8
const HEX = /^[0-9a-fA-F]{1,4}$/
const ZONE = /^[0-9a-zA-Z-.:]+$/
