// If the addon of this machine is missing, the error explains it, and how to build one.

const test = require('brittle')
const run = require('../helpers/run')
const { executable, fs, path, process, runtime } = require('../helpers/runtime')

const ROOT = path.join(__dirname, '..', '..')
const HOST = fs.readdirSync(path.join(ROOT, 'prebuilds')).find(isForThisMachine)

/** The loader that the package depends on, where Node and Bare find it. */
const NODE_MODULES = path.join(ROOT, 'node_modules')

test('no addon at all', async t => {
  const folder = packageWith(t, {})
  const { message, code, cause } = await load(folder)

  t.ok(message.includes(`hyperdht-native: there is no addon for ${HOST}.`), message)
  t.ok(message.includes('has addons for: no platform'), message)
  t.ok(message.includes('npm run build'), message)
  t.ok(message.includes(`prebuilds/${HOST}/hyperdht-native.node`), message)
  t.is(message.split('\n').length, 3)
  t.is(code, 'ADDON_NOT_FOUND')
  t.ok(/Cannot find addon/.test(cause))
})

test('the addons of other platforms', async t => {
  const folder = packageWith(t, { 'darwin-arm64': '', 'win32-x64': '' })
  const { message } = await load(folder)
  t.ok(message.includes('has addons for: darwin-arm64, win32-x64.'), message)
})

test('an addon that the system refuses', async t => {
  const folder = packageWith(t, { [HOST]: 'no library' })
  const { message, cause } = await load(folder)
  t.ok(message.includes(`the addon for ${HOST} cannot be loaded: `), message)
  t.ok(message.includes(`has addons for: ${HOST}.`), message)
  t.ok(cause.length > 0)
})

/** A folder with the files of this package that load the addon, and with the given addons. */
function packageWith(t, addons) {
  const folder = fs.mkdtempSync(path.join(temporaryFolder(), 'hyperdht-addon-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true }))
  fs.mkdirSync(path.join(folder, 'lib/native'), { recursive: true })
  for (const file of ['package.json', 'binding.js', 'lib/native/addon-error.js']) {
    fs.writeFileSync(path.join(folder, file), fs.readFileSync(path.join(ROOT, file)))
  }
  for (const host of Object.keys(addons)) {
    const directory = path.join(folder, 'prebuilds', host)
    fs.mkdirSync(directory, { recursive: true })
    fs.writeFileSync(path.join(directory, 'hyperdht-native.node'), addons[host])
  }
  fs.symlinkSync(NODE_MODULES, path.join(folder, 'node_modules'))
  fs.writeFileSync(path.join(folder, 'main.js'), MAIN)
  return folder
}

const MAIN = `
try {
  require('./binding')
} catch ({ message, code, cause }) {
  console.log(JSON.stringify({ message, code, cause: cause.message }))
}
`

async function load(folder) {
  const { stdout } = await run([executable(runtime), path.join(folder, 'main.js')])
  return JSON.parse(stdout)
}

function isForThisMachine(host) {
  return host.startsWith(`${process.platform}-${process.arch}`)
}

function temporaryFolder() {
  return process.env.TMPDIR || process.env.TEMP || '/tmp'
}
