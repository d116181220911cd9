// Common parts of the DHT's benchmarks: arguments, and the evaluation of the figures.

/**
 * The command line: `--name value` for each of the defaults, then implementations.
 *
 * @param {Record<string, number | string>} defaults
 */
exports.options = function options(defaults) {
  const args = process.argv.slice(2)
  const found = { ...defaults, names: [] }
  while (args.length > 0) {
    const arg = args.shift()
    const name = arg.slice(2)
    if (!arg.startsWith('--')) found.names.push(arg)
    else found[name] = typeof defaults[name] === 'number' ? Number(args.shift()) : args.shift()
  }
  if (found.names.length === 0) found.names = ['native', 'reference']
  return found
}

/** The median of one figure of several results. */
exports.middle = function middle(list, name) {
  const sorted = list.map(result => result[name]).sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}
