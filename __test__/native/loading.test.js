// A program loads what it uses.

const test = require('brittle')
const runProgram = require('../helpers/run-program')
const { process, runtime } = require('../helpers/runtime')

/** Windows cannot limit the descriptors of a process. */
const skip = process.platform === 'win32'

/** Parts that programs may never use, as parts of the names of their files. */
const ON_USE = [
  'lib/connection/connect.',
  'lib/connection/secret-stream.',
  'lib/connection-pool.',
  'lib/query/announce.',
  'lib/query/query.',
  'lib/query/records.',
  'lib/server/relay.',
  'lib/server/server.',
  'lib/udx/stream.',
  'node_modules/streamx'
]

/** Parts that come with the first node. */
const WITH_NODE = ['lib/dht/internals.', 'lib/native/border.', 'lib/native/native.']

test('the package is loaded without what a node needs', async t => {
  const { withPackage } = await loaded()
  t.ok(holds(withPackage, 'lib/dht/rpc.'))
  t.alike(among([...ON_USE, ...WITH_NODE], withPackage), [])
})

test('a node is made without connections, servers and queries', async t => {
  const { withNode } = await loaded()
  t.alike(among(WITH_NODE, withNode), WITH_NODE)
  t.alike(among(ON_USE, withNode), [])
})

test('what is used is loaded', async t => {
  const { withUse } = await loaded()
  t.alike(among(ON_USE, withUse), ON_USE)
})

test('hyperdht/preload loads everything', async t => {
  const { withPackage, withNode, withUse } = await loaded('preload')
  t.alike(among([...ON_USE, ...WITH_NODE], withPackage), [...ON_USE, ...WITH_NODE])
  t.alike([withNode, withUse], [[], []])
})

test('in Node.js no search for the addon is loaded', { skip: runtime !== 'node' }, async t => {
  const { withPackage } = await loaded()
  t.ok(holds(withPackage, 'hyperdht-native.node'))
  t.absent(holds(withPackage, 'bare-addon-resolve'))
})

test('a call that cannot load its part throws, and the next one succeeds', { skip }, async t => {
  const under = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh']
  const { lines, stderr } = await runProgram('first-use-fails', { under })
  const code = runtime === 'node' ? 'EMFILE' : 'CANNOT_READ'
  const failed = ['a node', 'connect', 'createServer', 'register'].map(call => `${call}: ${code}`)
  t.alike(lines, [...failed, 'registered', 'hello'], stderr)
})

async function loaded(...args) {
  const { lines, stderr } = await runProgram('loaded', { args })
  if (lines.length === 0) throw new Error(stderr)
  return JSON.parse(lines[0])
}

function among(parts, files) {
  return parts.filter(part => holds(files, part))
}

function holds(files, part) {
  return files.some(file => file.includes(part))
}
