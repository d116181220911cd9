// What npm installs for a package: its files, and those of everything that it depends on.

const fs = require('fs')
const path = require('path')

const ROOT = path.join(__dirname, '../..')
const PLATFORM = `${process.platform}-${process.arch}`

/**
 * @param {string} implementation 'native' or 'reference'
 * @returns {{ bytes: number, packages: number }}
 */
exports.installed = function installed(implementation) {
  const found = new Map()
  if (implementation === 'native') {
    const { files } = manifest(ROOT)
    const bytes = files.map(name => size(path.join(ROOT, name))).reduce(sum, 0)
    found.set(ROOT, bytes + size(path.join(ROOT, 'package.json')))
    addDependencies(ROOT, found)
  } else {
    add('hyperdht-reference', ROOT, found)
  }
  return { bytes: [...found.values()].reduce(sum, 0), packages: found.size }
}

function add(name, from, found) {
  const folder = resolve(name, from)
  if (folder === null || found.has(folder)) return
  found.set(folder, size(folder))
  addDependencies(folder, found)
}

/** Optional dependencies and peers that are not installed are left out. */
function addDependencies(folder, found) {
  const { dependencies, optionalDependencies } = manifest(folder)
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    add(name, folder, found)
  }
}

/** Where Node finds a package, seen from a folder. */
function resolve(name, from) {
  const folder = path.join(from, 'node_modules', name)
  if (fs.existsSync(folder)) return folder
  return from === ROOT ? null : resolve(name, path.dirname(from))
}

function manifest(folder) {
  const file = path.join(folder, 'package.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {}
}

/** The bytes of a file or folder, without nested packages and the addons of other platforms. */
function size(place) {
  const stat = fs.statSync(place)
  if (!stat.isDirectory()) return stat.size
  const names = fs.readdirSync(place).filter(name => name !== 'node_modules')
  const chosen = path.basename(place) === 'prebuilds' ? names.filter(isOurs) : names
  return chosen.map(name => size(path.join(place, name))).reduce(sum, 0)
}

function isOurs(name) {
  return name === PLATFORM
}

function sum(a, b) {
  return a + b
}
