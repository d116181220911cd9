// Prints the files that are loaded with the package, those that its first node loads beside them,
// and those that the use of its other parts loads. With the argument `preload`, the first of them
// include what `hyperdht/preload` loads.

const b4a = require('b4a')
const DHT = require('../..')

const { publicKey } = DHT.keyPair()

// the module with the processes of both runtimes loads streams
const { argv } = typeof Bare === 'undefined' ? process : Bare
if (argv.includes('preload')) require('../../preload')

const seen = new Set()
const withPackage = unseen()
const node = new DHT({ bootstrap: [], port: 0, host: '127.0.0.1' })
const withNode = unseen()
use()
const withUse = unseen()
console.log(JSON.stringify({ withPackage, withNode, withUse }))
node.destroy()

// A call of each part that is loaded on its use.
function use() {
  const target = b4a.alloc(32)
  node.createServer()
  node.createRelay()
  node.pool()
  node.session()
  node.connect(publicKey).on('error', noop)
  node.createRawStream().destroy()
  node.announce(target, DHT.keyPair(), []).on('error', noop)
  node.lookup(target).on('error', noop)
  node.immutableGet(target).catch(noop)
  node.rttStats().catch(noop)
  node.register('name', { onregister: noop, destroy: noop })
}

// The files that were loaded since the last call, with the separators of URLs.
function unseen() {
  const files = Object.keys(require.cache).map(file => file.replaceAll('\\', '/'))
  const added = files.filter(file => !seen.has(file))
  for (const file of added) seen.add(file)
  return added
}

function noop() {}
