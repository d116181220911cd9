// Programs may require any file of the reference's lib/. Each of them exists here, or
// docs/COMPATIBILITY.md lists it as missing.

const test = require('brittle')
const { fs, path } = require('../helpers/runtime')

const root = path.join(__dirname, '../..')
const reference = path.join(root, 'node_modules/hyperdht-reference/lib')
const SAME = ['constants', 'crypto', 'encode', 'errors', 'holepuncher', 'messages', 'plugin']
const CLASSES = [
  'connect',
  'connection-pool',
  'nat',
  'noise-wrap',
  'refresh-chain',
  'semaphore',
  'server',
  'sleeper'
]

test('files of lib/', t => {
  const table = fs.readFileSync(path.join(root, 'docs/COMPATIBILITY.md'), 'utf8')
  const [row] = table.match(/^\| files of `hyperdht\/lib\/` .*$/m)
  for (const file of fs.readdirSync(reference)) {
    const name = file.replace('.js', '')
    t.ok(row.includes('`' + name + '`'), name)
  }
})

test('those that are the same have the same names in them', t => {
  for (const name of SAME) {
    const ours = require(path.join(root, 'lib', name))
    const theirs = require(path.join(reference, name))
    for (const key of Object.keys(theirs)) t.is(typeof ours[key], typeof theirs[key], key)
  }
})

test('classes and functions have the same methods', t => {
  for (const name of CLASSES) {
    const ours = require(path.join(root, 'lib', name))
    const theirs = require(path.join(reference, name))
    const methods = Object.getOwnPropertyNames(theirs.prototype || {})
    for (const key of methods.filter(method => !method.startsWith('_'))) {
      t.ok(key in ours.prototype, `${name}: ${key}`)
    }
    t.is(typeof ours, typeof theirs)
  }
})
