// The line of the README, and what npm makes of it: Hyperswarm, installed before or after this
// package, uses it. npm runs for real; what it has fetched once it takes from its cache.

const test = require('brittle')
const { spawn } = require('child_process')
const fs = require('fs')
const http = require('http')
const os = require('os')
const path = require('path')

const HYPERSWARM = 'hyperswarm@4.17.2'

/** A version of the npm module that a program may be pinned to. */
const PINNED = '6.33.0'

const ROOT = path.join(__dirname, '..', '..')
const VERSION = read(ROOT, 'package.json').version

const TIMEOUT = { timeout: 240_000 }

const top = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperdht-install-'))

let tarball = null

test('Hyperswarm first, then this package', TIMEOUT, async t => {
  const folder = emptyFolder('after')
  await install(folder, HYPERSWARM)
  t.is(read(folder, 'node_modules/hyperdht/package.json').name, 'hyperdht', 'the npm module')

  await install(folder, `hyperdht@file:${await pack()}`)
  await oneOfOurs(t, folder)
  t.is(await swarm(folder), 'ours: hello')
})

test('this package first, then Hyperswarm', TIMEOUT, async t => {
  const folder = emptyFolder('before')
  await install(folder, `hyperdht@file:${await pack()}`)
  await install(folder, HYPERSWARM)
  await oneOfOurs(t, folder)
  t.is(await swarm(folder), 'ours: hello')
})

test('what is pinned to another version, with overrides', TIMEOUT, async t => {
  const folder = emptyFolder('pinned')
  const pinned = { name: 'pinned', version: '1.0.0', dependencies: { hyperdht: PINNED } }
  fs.mkdirSync(path.join(folder, 'pinned'))
  write(path.join(folder, 'pinned'), pinned)
  const dependencies = { hyperdht: `file:${await pack()}` }
  write(folder, { private: true, dependencies, overrides: { hyperdht: '$hyperdht' } })

  await install(folder, 'pinned@file:pinned')
  await oneOfOurs(t, folder)
})

test('from a registry, by the line of the README', TIMEOUT, async t => {
  const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8')
  const [, line] = /^npm install (hyperdht@npm:\S+)$/m.exec(readme)
  const folder = emptyFolder('registry')
  // The registry of the next step has nothing but this package.
  const { dependencies } = read(ROOT, 'package.json')
  const others = Object.entries(dependencies).map(([name, range]) => `${name}@${range}`)
  await install(folder, HYPERSWARM, ...others)

  const registry = await serve(t, await pack())
  await install(folder, line, '--registry', registry, '--no-offline')
  await oneOfOurs(t, folder)
  t.alike(read(folder, 'package.json').dependencies.hyperdht, `npm:hyperdht-native@^${VERSION}`)
})

process.on('exit', () => fs.rmSync(top, { recursive: true, force: true }))

/** The tarball that npm would publish. */
async function pack() {
  const scripts = await import('../../scripts/pack.mjs')
  tarball ||= scripts.pack(top)
  return tarball
}

function emptyFolder(name) {
  const folder = path.join(top, name)
  fs.mkdirSync(folder)
  write(folder, { private: true })
  return folder
}

async function install(folder, ...args) {
  const { code, output } = await npm(folder, ['install', '--prefer-offline', ...args])
  if (code !== 0) throw new Error(`npm install ${args.join(' ')}\n${output}`)
}

/** There is one hyperdht for all, and it is this package. */
async function oneOfOurs(t, folder) {
  const { output } = await npm(folder, ['ls', 'hyperdht', '--all', '--json'])
  const found = [...named('hyperdht', JSON.parse(output))]
  t.ok(found.length > 0)
  for (const { version, invalid } of found) t.alike([version, invalid], [VERSION, undefined])

  const installed = fs
    .readdirSync(folder, { recursive: true })
    .filter(file => /(^|[\\/])node_modules[\\/]hyperdht$/.test(file))
  t.alike(installed, [path.join('node_modules', 'hyperdht')])
  t.is(read(folder, 'node_modules/hyperdht/package.json').name, 'hyperdht-native')
}

/** All packages of a name in what `npm ls` tells. */
function* named(name, { dependencies = {} }) {
  for (const [key, dependency] of Object.entries(dependencies)) {
    if (key === name) yield dependency
    yield* named(name, dependency)
  }
}

/**
 * Runs two swarms in the folder. Returns whose hyperdht they use, and what one received of the
 * other.
 */
async function swarm(folder) {
  fs.writeFileSync(path.join(folder, 'main.js'), MAIN)
  const { output } = await run(folder, process.execPath, ['main.js'])
  return output.trim()
}

const MAIN = `
const Hyperswarm = require('hyperswarm')
const DHT = require('hyperdht')
const createTestnet = require('hyperdht/testnet')

main()

async function main() {
  const testnet = await createTestnet(3)
  const { bootstrap } = testnet
  const [alice, bob] = [new Hyperswarm({ bootstrap }), new Hyperswarm({ bootstrap })]
  alice.on('connection', connection => connection.end('hello'))
  const heard = new Promise(resolve => {
    bob.on('connection', connection => connection.once('data', resolve).end())
  })

  const topic = DHT.hash(Buffer.from('a topic'))
  await alice.join(topic, { server: true, client: false }).flushed()
  bob.join(topic, { server: false, client: true })
  const whose = bob.dht instanceof DHT && bob.dht.stats.dropped ? 'ours' : 'theirs'
  console.log(whose + ': ' + (await heard))

  await Promise.all([alice.destroy(), bob.destroy()])
  await testnet.destroy()
}
`

/** A registry with nothing but this package. */
async function serve(t, tarball) {
  const server = http.createServer((req, res) => {
    if (req.url === '/hyperdht-native') return res.end(JSON.stringify(packument()))
    if (req.url === '/hyperdht-native.tgz') return res.end(fs.readFileSync(tarball))
    res.writeHead(404).end()
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = `http://127.0.0.1:${server.address().port}`
  return address

  function packument() {
    const dist = { tarball: `${address}/hyperdht-native.tgz` }
    const manifest = { ...read(ROOT, 'package.json'), dist }
    const { name, version } = manifest
    return { name, 'dist-tags': { latest: version }, versions: { [version]: manifest } }
  }
}

function npm(folder, args) {
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel', 'error']
  const isWindows = process.platform === 'win32'
  return run(folder, isWindows ? 'npm.cmd' : 'npm', [...args, ...quiet], { shell: isWindows })
}

/** Runs a command to its end, without the settings of an npm that runs this test. */
function run(folder, command, args, options = {}) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_local_prefix|package)/.test(name))
  )
  const child = spawn(command, args, { cwd: folder, env, ...options })
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  child.stderr.on('data', chunk => chunks.push(chunk))
  return new Promise(resolve => {
    child.on('close', code => resolve({ code, output: Buffer.concat(chunks).toString() }))
  })
}

function read(folder, file) {
  return JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'))
}

function write(folder, manifest) {
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
}
