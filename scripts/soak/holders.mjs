// Which nodes have a value.

import c from 'compact-encoding'
import constants from '../../lib/constants.js'

const { MUTABLE_GET, IMMUTABLE_GET } = constants.COMMANDS

/**
 * How many of the nodes have a value, each of them asked by itself.
 *
 * @param {number | null} seq of a mutable value
 */
export async function holders(asker, nodes, target, seq) {
  const command = seq === null ? IMMUTABLE_GET : MUTABLE_GET
  const value = seq === null ? null : c.encode(c.uint, seq)
  const ask = async node => {
    const reply = await asker.request({ token: null, command, target, value }, node.address())
    return reply.value !== null
  }
  const asked = await Promise.allSettled(nodes.map(ask))
  return asked.filter(({ status, value }) => status === 'fulfilled' && value).length
}

/** The number of these addresses that belong to none of the nodes. */
export function strangers(addresses, nodes) {
  const ports = new Set(nodes.map(node => node.address().port))
  return addresses.filter(({ port }) => !ports.has(port)).length
}
