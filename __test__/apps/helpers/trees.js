// Two folders with the same apps from npm, git ignores them: in `native` their `hyperdht` is this
// package, in `reference` it is the npm module. npm installs them on first use, and again when the
// list of apps or this package has changed.

const crypto = require('crypto')
const fs = require('fs')
const path = require('path')
const run = require('../../helpers/run')

const APPS = path.join(__dirname, '..')
const ROOT = path.join(APPS, '..', '..')
const PROGRAMS = path.join(APPS, 'programs')

const ready = new Map()

/**
 * Resolves with the folder whose node_modules has the apps on an implementation, beside copies of
 * `programs`.
 *
 * @param {'native' | 'reference'} implementation
 */
module.exports = function tree(implementation) {
  if (!ready.has(implementation)) ready.set(implementation, prepare(implementation))
  return ready.get(implementation)
}

async function prepare(implementation) {
  const folder = path.join(APPS, implementation)
  const stamp = stampOf(implementation)
  const file = path.join(folder, 'stamp')
  if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== stamp) {
    fs.mkdirSync(folder, { recursive: true })
    fs.rmSync(file, { force: true })
    await install(folder, implementation)
    fs.writeFileSync(file, stamp)
  }
  for (const name of fs.readdirSync(PROGRAMS)) {
    fs.copyFileSync(path.join(PROGRAMS, name), path.join(folder, name))
  }
  return folder
}

async function install(folder, implementation) {
  const manifest = JSON.parse(fs.readFileSync(path.join(APPS, 'package.json'), 'utf8'))
  if (implementation === 'native') manifest.dependencies.hyperdht = 'file:' + (await pack(folder))
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  fs.copyFileSync(path.join(APPS, 'package-lock.json'), path.join(folder, 'package-lock.json'))
  copyOther(implementation)
  // npm keeps an installed package whose version is that of the new tarball.
  fs.rmSync(path.join(folder, 'node_modules', 'hyperdht'), { recursive: true, force: true })

  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  const { code, stderr } = await run([npm, 'install', ...flags], {
    cwd: folder,
    shell: process.platform === 'win32',
    timeout: INSTALL
  })
  if (code !== 0) throw new Error(`npm install in ${folder} failed\n${stderr}`)
}

/** What the other folder has already, npm need not fetch and unpack again. */
function copyOther(implementation) {
  const modules = name => path.join(APPS, name, 'node_modules')
  const other = modules(implementation === 'native' ? 'reference' : 'native')
  if (fs.existsSync(modules(implementation)) || !fs.existsSync(other)) return
  fs.cpSync(other, modules(implementation), { recursive: true, verbatimSymlinks: true })
}

/** This package as npm would publish it; resolves with the name of the tarball. */
async function pack(folder) {
  const scripts = await import('../../../scripts/pack.mjs')
  const tarball = scripts.pack(folder)
  if (tarball === null) throw new Error('npm pack failed')
  return path.basename(tarball)
}

/** Changes with everything that an installation consists of. */
function stampOf(implementation) {
  const hash = crypto.createHash('sha256')
  for (const name of ['package.json', 'package-lock.json']) add(path.join(APPS, name))
  if (implementation === 'native') {
    const manifest = path.join(ROOT, 'package.json')
    const { files } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
    for (const file of [manifest, ...files.map(name => path.join(ROOT, name))]) add(file)
  }
  return hash.digest('hex')

  function add(file) {
    if (!fs.statSync(file).isDirectory()) return hash.update(file).update(fs.readFileSync(file))
    for (const name of fs.readdirSync(file).sort()) add(path.join(file, name))
  }
}

/** The first installation fetches some hundred packages. */
const INSTALL = 1_500_000
