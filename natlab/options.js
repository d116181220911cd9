// The command line.

const { isCell } = require('./cells')
const { CHANGES, problem } = require('./changes')

const USAGE = `npm run natlab -- [options] [cell ...]

  --cells A,B        a cell: the NATs of client and server; more may follow, and --list shows all
  --runs N           of each cell and mix (3)
  --jobs N           laboratories at a time (1)
  --mixed-runs N     of mixes other than OOO, if not as many
  --goals            the cells and goals of docs/CONNECTIVITY.md, 17 runs each if --runs is not given
  --mixes OOO,RRR    client, server, nodes: O is ours, R the reference (OOO)
  --change A,B       once in each run, while messages go both ways: rebind-client, rebind-server,
                     roam-client, roam-server; or remap-server, move-server, without a connection
  --nodes N          DHT nodes (24; fewer end the bootstrap query before the firewall check)
  --rtt MS           between any two hosts (40)
  --far MS           the round trip to the server, if it is farther
  --loss PERCENT     of the datagrams, on each crossing, once the DHT nodes are there (0)
  --relay SIDE       a blind relay, of the same kind as the nodes, that the client or the server names
  --idle S           of silence on each connection, before a second message (0)
  --ttl N            a datagram that arrives with less has died on the way (12)
  --timeout S        after which a connection has failed (75)
  --seed N           of the losses and of the first port of a sequential NAT (1)
  --json FILE        all results
  --svg FILE         a chart: p50 to max
  --list             the NATs and the changes
  --check            looks at each NAT from behind it, and does nothing else
  --help             this text`

const NUMBERS = [
  'mixed-runs',
  'runs',
  'jobs',
  'nodes',
  'rtt',
  'far',
  'loss',
  'idle',
  'ttl',
  'timeout',
  'seed'
]
const FLAGS = ['list', 'check', 'goals']
const FILES = ['json', 'svg']

/**
 * @param {string[]} args
 * @returns {object} the options above; `timeout` in milliseconds
 */
module.exports = function parseArguments(args) {
  const options = { ...DEFAULTS, cells: [], changes: [], relay: null, json: null, svg: null }
  const rest = [...args]
  while (rest.length > 0) {
    const word = rest.shift()
    const name = word.slice(2)
    if (word === '--help') help()
    else if (FLAGS.includes(name) && word.startsWith('--')) options[name] = true
    else if (word === '--cells') continue
    else if (word === '--mixes') options.mixes = mixes(rest.shift())
    else if (word === '--relay') options.relay = relay(rest.shift())
    else if (word === '--change') options.changes = changes(rest.shift())
    else if (word.startsWith('--') && NUMBERS.includes(name)) {
      options[name] = number(word, rest.shift())
    } else if (word.startsWith('--') && FILES.includes(name)) options[name] = file(rest.shift())
    else if (isCell(word)) options.cells.push(word)
    else usage(`unknown: ${word}`)
  }
  refuse(options)
  const { goals, cells, runs, mixes: given, timeout } = options
  return {
    ...options,
    cells: cells.length > 0 || goals ? cells : ['home,home', 'random,home'],
    runs: runs || (goals ? RUNS_OF_GOALS : 3),
    mixes: given || (goals ? ['OOO', 'ORR', 'ROR', 'RRR'] : ['OOO']),
    timeout: timeout * 1000
  }
}

const DEFAULTS = {
  jobs: 1,
  nodes: 24,
  rtt: 40,
  far: 0,
  loss: 0,
  idle: 0,
  ttl: 12,
  timeout: 75,
  seed: 1
}

/** Three cells give fifty runs a row. */
const RUNS_OF_GOALS = 17

function mixes(text = '') {
  const list = text.split(',')
  if (!list.every(mix => /^[OR]{3}$/.test(mix))) usage(`not mixes: ${text}`)
  return list
}

function relay(text) {
  if (text !== 'client' && text !== 'server') usage(`not a side: ${text}`)
  return text
}

function changes(text = '') {
  const list = text.split(',')
  const unknown = list.find(name => !Object.hasOwn(CHANGES, name))
  if (unknown !== undefined) usage(`not a change: ${unknown}`)
  return list
}

/** What does not go together. */
function refuse({ changes, cells, svg, check, goals, relay, idle }) {
  if (goals && (cells.length > 0 || changes.length > 0)) usage('--goals has cells of its own')
  if (changes.length === 0) return
  if (svg) usage('--svg has no chart of changes')
  if (check) usage('--check makes no changes')
  if (relay || idle) usage('--change goes with neither --relay nor --idle')
  for (const change of changes) {
    for (const cell of cells) {
      const why = problem(change, cell)
      if (why) usage(why)
    }
  }
}

function number(word, text) {
  const value = Number(text)
  if (text === undefined || !(value >= 0)) usage(`${word} needs a number`)
  return value
}

function file(text) {
  if (text === undefined) usage('the name of a file is missing')
  return text
}

function help() {
  console.log(USAGE)
  process.exit(0)
}

function usage(problem) {
  console.error(`${problem}\n\n${USAGE}`)
  process.exit(1)
}
