// The flags of the command `hyperdht`.

exports.HELP = `Usage: hyperdht [relay] [options]

Runs nodes of the DHT until SIGINT or SIGTERM.

  --nodes <count>         how many nodes (default 1)
  --node                  one node, whatever --nodes says
  --port <port>           the UDP port of a single node (default: 49737, or any if it is taken)
  --host <ip>             the IPv4 address to bind (default 0.0.0.0)
  --bootstrap <list>      host:port,host:port… to join by (default: the public nodes)

  --bootstrap             without a value: runs the first node of a network
    --host <ip>             its address, as others reach it (required)
    --port <port>           its UDP port (default 49737)

  relay                   runs a blind relay and prints its public key; --port, --host and
                          --bootstrap as above, and
    --key-file <path>       keeps the key across restarts: the seed in hex, made if it is missing
    --max-pairings <count>  pairs of peers at a time (default 4096)
    --max-rate <bytes>      a second, in each direction of a pair (default: no limit)

  -h, --help              prints this
  --version               prints the version
`

/**
 * Flags by name. A flag without a value is ''. If a flag occurs twice, the first one counts.
 *
 * @param {string[]} args
 * @returns {{ help: boolean, version: boolean, mode: 'bootstrap' | 'nodes' | 'relay', nodes: number,
 *   port: number, host: string | undefined, bootstrap: string[] | undefined,
 *   keyFile: string | undefined, maxPairings: number | undefined, maxRate: number | undefined }}
 */
exports.parse = function parse(args) {
  const isRelay = args[0] === 'relay'
  const flags = read(isRelay ? args.slice(1) : args)
  const bootstrapper = flags.get('bootstrap') === ''
  const parsed = {
    help: flags.has('help'),
    version: flags.has('version'),
    mode: isRelay ? 'relay' : bootstrapper ? 'bootstrap' : 'nodes',
    nodes: flags.has('node') ? 1 : count(flags.get('nodes')),
    port: port(flags.get('port')),
    host: flags.get('host'),
    bootstrap: bootstrapper ? undefined : flags.get('bootstrap')?.split(','),
    keyFile: flags.get('key-file'),
    maxPairings: limit('max-pairings', flags),
    maxRate: limit('max-rate', flags)
  }
  if (!parsed.help && !parsed.version) check(parsed)
  return parsed
}

function read(args) {
  const flags = new Map()
  for (let i = 0; i < args.length; i++) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(long(args[i])) || []
    if (!KINDS.has(name)) throw new Error(`Unknown argument: ${args[i]}`)

    const kind = KINDS.get(name)
    const next = inline === undefined ? args[i + 1] : undefined
    const takesNext = kind !== SWITCH && next !== undefined && !next.startsWith('-')
    const value = inline ?? (takesNext ? next : '')
    if (takesNext) i++

    if (kind === SWITCH && value !== '') throw new Error(`--${name} takes no value`)
    if (kind === VALUE && value === '') throw new Error(`--${name} needs a value`)
    if (!flags.has(name)) flags.set(name, value)
  }
  return flags
}

function long(arg) {
  return arg === '-h' ? '--help' : arg
}

function check({ mode, nodes, port, host, keyFile, maxPairings, maxRate }) {
  if (mode !== 'relay' && (keyFile || maxPairings || maxRate)) {
    throw new Error('--key-file, --max-pairings and --max-rate are only valid for a relay')
  }
  if (mode === 'bootstrap' && !host) throw new Error('You need to specify --host <node ip>')
  if (mode === 'nodes' && port !== 0 && nodes !== 1) {
    throw new Error('--port is only valid when running a single node')
  }
}

function count(value = '1') {
  const n = integer(value)
  if (!(n >= 1)) throw new Error(`--nodes must be a number from 1 on, not '${value}'`)
  return n
}

function limit(name, flags) {
  const value = flags.get(name)
  if (value === undefined) return undefined
  const n = integer(value)
  if (!(n >= 1)) throw new Error(`--${name} must be a number from 1 on, not '${value}'`)
  return n
}

function port(value = '0') {
  const n = integer(value)
  if (!(n <= 65535)) throw new Error(`--port must be a number from 0 to 65535, not '${value}'`)
  return n
}

function integer(value) {
  return /^\d{1,9}$/.test(value) ? Number(value) : NaN
}

const VALUE = 'value'
const OPTIONAL = 'optional'
const SWITCH = 'switch'

const KINDS = new Map([
  ['nodes', VALUE],
  ['node', SWITCH],
  ['port', VALUE],
  ['host', VALUE],
  ['bootstrap', OPTIONAL],
  ['key-file', VALUE],
  ['max-pairings', VALUE],
  ['max-rate', VALUE],
  ['help', SWITCH],
  ['version', SWITCH]
])
