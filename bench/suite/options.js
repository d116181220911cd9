// Command lines: `--name value` for what has a default, `--name` for switches, and the rest.

/**
 * @param {string[]} args
 * @param {Record<string, string | number | boolean>} defaults
 */
exports.parse = function parse(args, defaults) {
  const options = { ...defaults }
  const rest = []
  const left = [...args]
  while (left.length > 0) {
    const arg = left.shift()
    if (arg.startsWith('--')) options[named(arg, defaults)] = value(arg, left, defaults)
    else rest.push(arg)
  }
  return { options, rest }
}

function named(arg, defaults) {
  const name = arg.slice(2)
  if (!Object.hasOwn(defaults, name)) {
    const known = Object.keys(defaults).map(each => '--' + each)
    throw new Error(`${arg} is not known here; there are ${known.join(', ')}`)
  }
  return name
}

function value(arg, left, defaults) {
  const byDefault = defaults[named(arg, defaults)]
  if (typeof byDefault === 'boolean') return true
  if (left.length === 0) throw new Error(`${arg} needs a value`)
  const text = left.shift()
  if (typeof byDefault !== 'number') return text
  const number = Number(text)
  if (!(number >= 0)) throw new Error(`${arg} needs a number, and not ${text}`)
  return number
}

/** The implementations of a side `client:server`; one name stands for both ends. */
exports.ends = function ends(side) {
  const [client, server = client] = side.split(':')
  return { client: exports.implementation(client), server: exports.implementation(server) }
}

exports.implementation = function implementation(name) {
  if (IMPLEMENTATIONS.includes(name)) return name
  throw new Error(`an implementation is one of ${IMPLEMENTATIONS.join(', ')}, not ${name}`)
}

const IMPLEMENTATIONS = ['native', 'reference']
