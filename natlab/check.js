// Looks at the NATs of the laboratory from behind them.

const { TYPES } = require('./cells')
const Laboratory = require('./laboratory')

/**
 * One line for each type; `dies`: a packet that only opens the own NAT arrives nowhere.
 *
 * @param {object} options those of `Laboratory.open`
 * @returns {Promise<boolean>} whether each NAT is what its name says
 */
module.exports = async function check(options) {
  let right = true
  for (const type of Object.keys(TYPES)) {
    const { mapping, filtering, dies, rtt } = await look(type, options)
    const seen = `${mapping}, ${filtering}`
    const good = seen === EXPECTED[type] && dies
    right &&= good
    console.log(`${good ? 'ok    ' : 'WRONG '} ${type.padEnd(9)} ${seen.padEnd(28)} RTT ${rtt} ms`)
  }
  return right
}

async function look(type, options) {
  const lab = await Laboratory.open(`${type},none`, options)
  try {
    const { addresses } = lab
    const { places } = await lab.start('reflector', 'nodes', '', { addresses }).message(START)
    return await lab.start('prober', 'client', '', { places }).message(START)
  } finally {
    lab.close()
  }
}

/** How a NAT maps ports, and by what of a stranger's address it filters. */
const EXPECTED = {
  none: 'preserving, none',
  fw: 'preserving, address and port',
  afw: 'preserving, address',
  full: 'preserving, none',
  eif: 'preserving, none',
  adf: 'preserving, address',
  home: 'preserving, address and port',
  cgnat: 'preserving, address and port',
  seq: 'sequential, address and port',
  random: 'random, address and port',
  cgrandom: 'random, address and port',
  short: 'preserving, address and port',
  blocked: 'none, all'
}

/** Milliseconds. */
const START = 30_000
