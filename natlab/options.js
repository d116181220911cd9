// The command line.

const { isCell } = require('./cells')

const USAGE = `npm run natlab -- [options] [cell ...]

  --cells A,B        a cell: the NATs of client and server; more may follow, and --list shows all
  --runs N           of each cell and mix (3)
  --mixes OOO,RRR    client, server, nodes: O is ours, R the reference (OOO)
  --nodes N          DHT nodes (24; fewer end the bootstrap query before the firewall check)
  --rtt MS           between any two hosts (40)
  --far MS           the round trip to the server, if it is farther
  --loss PERCENT     of the datagrams, on each crossing (0)
  --ttl N            a datagram that arrives with less has died on the way (12)
  --timeout S        after which a connection has failed (75)
  --seed N           of the losses and of the first port of a sequential NAT (1)
  --json FILE        all results
  --svg FILE         a chart: p50 to max
  --list             the NATs
  --check            looks at each NAT from behind it, and does nothing else`

const NUMBERS = ['runs', 'nodes', 'rtt', 'far', 'loss', 'ttl', 'timeout', 'seed']
const FLAGS = ['list', 'check']
const FILES = ['json', 'svg']

/**
 * @param {string[]} args
 * @returns {object} the options above; `timeout` in milliseconds
 */
module.exports = function parseArguments(args) {
  const options = { ...DEFAULTS, cells: [], mixes: ['OOO'], json: null, svg: null }
  const rest = [...args]
  while (rest.length > 0) {
    const word = rest.shift()
    const name = word.slice(2)
    if (FLAGS.includes(name) && word.startsWith('--')) options[name] = true
    else if (word === '--cells') continue
    else if (word === '--mixes') options.mixes = mixes(rest.shift())
    else if (word.startsWith('--') && NUMBERS.includes(name)) {
      options[name] = number(word, rest.shift())
    } else if (word.startsWith('--') && FILES.includes(name)) options[name] = file(rest.shift())
    else if (isCell(word)) options.cells.push(word)
    else usage(`unknown: ${word}`)
  }
  if (options.cells.length === 0) options.cells = ['home,home', 'random,home']
  return { ...options, timeout: options.timeout * 1000 }
}

const DEFAULTS = { runs: 3, nodes: 24, rtt: 40, far: 0, loss: 0, ttl: 12, timeout: 75, seed: 1 }

function mixes(text = '') {
  const list = text.split(',')
  if (!list.every(mix => /^[OR]{3}$/.test(mix))) usage(`not mixes: ${text}`)
  return list
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

function usage(problem) {
  console.error(`${problem}\n\n${USAGE}`)
  process.exit(1)
}
