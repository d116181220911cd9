// What a client has to reach, and how fast: the rows of docs/CONNECTIVITY.md, with their goals for
// two of ours, at a round trip of 40 ms.

/**
 * @typedef {object} Goal of the runs of a row, pooled
 * @property {number} [open] percent of the connections
 * @property {number} [p50] ms to 'open'
 * @property {number} [max]
 * @property {number} [direct] the median of the ms until a connection has left its relay
 * @property {number} [fails] ms until the error, in each run
 * @property {string} [error]
 * @property {number} [gap] ms without a message, in each run
 * @property {number} [again] ms to 'open' of a known and of a new client after a change, in each run
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string[]} cells
 * @property {Goal} [goal]
 * @property {number} [runs] of each cell and mix, instead of those of the command line
 * @property {string[]} [mixes] likewise
 * @property {string[]} [changes]
 */

/** @type {Array<Row & Record<string, unknown>>} the rest are options of the command line */
exports.ROWS = [
  {
    name: 'ports that a NAT keeps',
    cells: ['none,home', 'home,home', 'cgnat,adf'],
    goal: { open: 100, max: 400 }
  },
  {
    name: 'random × home',
    cells: ['random,home', 'home,random', 'cgrandom,cgnat'],
    goal: { open: 100, p50: 1500, max: 6000 }
  },
  {
    name: 'sequential × home',
    cells: ['seq,home', 'home,seq', 'seq,adf'],
    goal: { open: 100, p50: 600 }
  },
  {
    name: 'random × eif',
    cells: ['random,eif', 'eif,random', 'cgrandom,eif'],
    goal: { open: 100, p50: 400 }
  },
  {
    name: 'random × random',
    cells: ['random,random', 'cgrandom,random', 'random,seq'],
    goal: { fails: 600, error: 'HOLEPUNCH_DOUBLE_RANDOMIZED_NATS' }
  },
  {
    name: 'random × random, relayed',
    cells: ['random,random', 'cgrandom,random', 'seq,random'],
    relay: 'client',
    goal: { open: 100, p50: 450 }
  },
  {
    name: 'relayed at first',
    cells: ['home,home', 'random,home', 'home,random'],
    relay: 'client',
    goal: { open: 100, p50: 400, direct: 3000 }
  },
  {
    name: 'one LAN',
    cells: ['same,plain', 'same,hairpin', 'same,hostfw'],
    goal: { open: 100, p50: 200 }
  },
  {
    name: 'by the hairpin',
    cells: ['same,hostfw-hairpin', 'same,isolated-hairpin', 'same,cgnat-hairpin'],
    goal: { open: 100, p50: 350 }
  },
  {
    name: 'one NAT, no way',
    cells: ['same,isolated', 'same,cgnat'],
    runs: 8,
    goal: { fails: 4000, error: 'HOLEPUNCH_ABORTED' }
  },
  {
    name: 'one NAT, relayed',
    cells: ['same,isolated', 'same,cgnat'],
    runs: 8,
    relay: 'server',
    goal: { open: 100, p50: 500 }
  },
  {
    name: '10 % loss',
    cells: ['home,home', 'cgnat,home', 'none,home'],
    loss: 10,
    goal: { open: 100, p50: 600 }
  },
  {
    name: '10 % loss, random × home',
    cells: ['random,home', 'home,random', 'cgrandom,home'],
    loss: 10,
    goal: { open: 98 }
  },
  {
    name: 'server 160 ms away',
    cells: ['home,home', 'random,home', 'home,random'],
    far: 160,
    runs: 8,
    goal: { open: 100 }
  },
  {
    name: 'server 250 ms away',
    cells: ['home,home', 'random,home', 'home,random'],
    far: 250,
    runs: 8,
    goal: { open: 100 }
  },
  {
    name: 'mappings of 20 s, 75 s idle',
    cells: ['short,home', 'home,short', 'short,short'],
    idle: 75,
    mixes: ['OOO', 'RRR'],
    runs: 1,
    goal: { open: 100 }
  },
  {
    name: 'no UDP',
    cells: ['home,blocked', 'blocked,home', 'blocked,blocked'],
    runs: 1,
    goal: { fails: 4200, error: 'PEER_NOT_FOUND' }
  },
  {
    name: 'a host that is told of its new address',
    cells: ['home,home', 'cgnat,adf', 'none,home'],
    changes: ['roam-client', 'roam-server'],
    mixes: ['OOO'],
    runs: 7,
    goal: { open: 100, gap: 1000 }
  },
  {
    name: 'a NAT that is reset',
    cells: ['home,home', 'cgnat,adf', 'eif,home'],
    changes: ['rebind-client', 'rebind-server'],
    mixes: ['OOO'],
    runs: 7,
    goal: { open: 100, gap: 6000 }
  },
  {
    name: "a server's NAT that is reset",
    cells: ['home,home', 'none,home', 'cgnat,adf'],
    changes: ['remap-server'],
    mixes: ['OOO', 'ROR'],
    runs: 7,
    goal: { open: 100, again: 5000 }
  },
  {
    name: 'a server that moves',
    cells: ['home,home', 'none,home', 'cgnat,adf'],
    changes: ['move-server'],
    mixes: ['OOO', 'ROR'],
    runs: 7,
    goal: { open: 100, again: 1500 }
  },
  {
    name: 'other cells',
    cells: [
      'none,none none,fw none,random fw,fw fw,random full,home full,random adf,adf adf,random',
      'eif,eif eif,home home,none home,fw home,full home,eif home,adf home,cgrandom cgnat,cgnat',
      'cgnat,random cgnat,seq seq,none seq,fw seq,eif seq,seq random,none random,fw random,adf',
      'random,cgnat cgrandom,none cgrandom,fw cgrandom,cgrandom'
    ].flatMap(line => line.split(' ')),
    runs: 1
  }
]
