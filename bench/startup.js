// What a program pays before it does anything: loading the package, its first objects, a node that
// does nothing, and what is installed.
//
//   node bench/startup.js [--runs 5] [--quick] [native] [reference]

const path = require('path')
const { installed } = require('./suite/installed')
const { implementation } = require('./suite/options')
const { printed } = require('./suite/program')
const { quantile } = require('./suite/statistics')

const bench = {
  name: 'startup',
  title: 'Start and size',
  sidesTitle: 'implementation',
  about:
    'Programs in Node.js. `require` is the time to load the package, and ‘ready to use’ is that until ' +
    'a node, a server and a connection exist as objects, `require` included: this package loads ' +
    'some of its files at the first use. Both are in milliseconds, the median of the processes of a ' +
    'run. Another program has one idle node; memory is what it has more than a program that loads nothing, ' +
    'after a garbage collection. What is installed: all files of the package and of what it ' +
    'depends on, with the addons of this platform only.',
  defaults: { processes: 3 },
  quick: { processes: 2 },
  figures: [
    ['require', 'require, ms', 1],
    ['ready', 'ready to use, ms', 1],
    ['memory', 'idle, MiB', 1],
    ['size', 'installed, MB', 1],
    ['packages', 'packages', 0]
  ],
  cases({ processes }) {
    return [
      {
        sides: ['native', 'reference'],
        base: 'reference',
        rows: ['one node'],
        measure: async (side, context) => ({
          'one node': await measure(implementation(side), processes, context)
        })
      }
    ]
  }
}

async function measure(side, processes, context) {
  const bootstrap = await context.bootstrap()
  const [loaded, ready, grown] = [[], [], []]
  for (let i = 0; i < processes; i++) {
    const times = await program('start', side, bootstrap)
    const bare = await program('idle', 'none', bootstrap)
    const { memory } = await program('idle', side, bootstrap)
    loaded.push(times.loaded)
    ready.push(times.ready)
    grown.push(memory - bare.memory)
  }
  for (const list of [loaded, ready, grown]) list.sort((a, b) => a - b)
  const { bytes, packages } = installed(side)
  return {
    require: quantile(loaded, 0.5),
    ready: quantile(ready, 0.5),
    memory: quantile(grown, 0.5) / 1024 / 1024,
    size: bytes / 1e6,
    packages
  }
}

function program(task, name, bootstrap) {
  const file = path.join(__dirname, 'roles/program.js')
  const command = [process.execPath, '--expose-gc', file, task, JSON.stringify(bootstrap)]
  return printed(command, { HYPERDHT_IMPL: name })
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
