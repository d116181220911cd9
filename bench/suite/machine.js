// Where and with what the figures were measured; no names of hosts and no paths.

const { execFileSync } = require('child_process')
const os = require('os')
const path = require('path')

const ROOT = path.join(__dirname, '../..')
const UNKNOWN = 'unknown'
const WRITTEN = ['docs', 'bench/instructions.json']

exports.machine = function machine() {
  const processors = os.cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    processors: `${processors.length} × ${processors[0]?.model.trim() || UNKNOWN}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()} ${process.arch}`,
    node: process.version,
    bare: version('bare'),
    reference: `hyperdht ${version('hyperdht-reference')}, udx-native ${version('udx-native')}`,
    rustc: output('rustc', ['--version'])
  }
}

exports.sentence = function sentence(machine, { runs, quick }) {
  const { date, commit, processors, memory, system, node, bare, reference, rustc } = machine
  const how = `${quick ? 'a quick run, ' : ''}${runs} interleaved run${runs > 1 ? 's' : ''}`
  return [
    `${date}, commit ${commit}, ${how}. ${processors}, ${memory}; ${system}; `,
    `Node.js ${node.slice(1)}, Bare ${bare}, ${rustc}. The reference is ${reference}.`
  ].join('')
}

/** With a word if files differ from it, other than those that the benchmarks write. */
function commit() {
  const head = output('git', ['rev-parse', '--short', 'HEAD'])
  if (head === UNKNOWN) return head
  const files = ['.', ...WRITTEN.map(file => `:!${file}`)]
  const changed = output('git', ['status', '--porcelain', '--untracked-files=no', '--', ...files])
  return changed !== '' ? `${head} with changes` : head
}

function version(name) {
  return require(path.join(ROOT, 'node_modules', name, 'package.json')).version
}

function output(command, args) {
  try {
    return execFileSync(command, args, { cwd: ROOT, encoding: 'utf8' }).trim()
  } catch {
    return UNKNOWN
  }
}
