// npm run demo: the documentation's two apps, unchanged, on an isolated DHT.
//
//   npm run demo                 starts the DHT and the server app in this terminal
//   npm run demo -- --join       starts the client app in a second terminal
//   npm run demo -- --script     does both without a terminal, checks lines both ways, exits
//   --node                       runs the apps in Node instead of Bare
//
// HYPERDHT_DEMO_PACKAGE installs another package under the name hyperdht (to compare).

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from './build.mjs'
import { bare, ensureInstalled, fail, npm, root, say } from './tools.mjs'

const flags = process.argv.slice(2)
const inNode = flags.includes('--node')
const runtime = inNode ? 'Node' : 'Bare'
const folder = join(root, 'target', inNode ? 'demo-node' : 'demo-bare')
const session = join(root, 'target', 'demo-session.json')
const children = []

process.on('exit', () => {
  for (const child of children) child.kill()
})

if (flags.includes('--join')) await joinSession()
else if (flags.includes('--script')) await script()
else await host()

/** The first terminal: the DHT, and the server app on this terminal's input and output. */
async function host() {
  if (!process.stdin.isTTY) fail('This is no terminal. Without one: npm run demo -- --script')
  prepare()
  const bootstrap = await startDht()

  say(`Starting examples/server-app in ${runtime}, in this terminal`)
  const server = startApp('server-app', bootstrap, [], ['inherit', 'pipe', 'inherit'])
  server.stdout.pipe(process.stdout)
  const key = await listeningKey(server)
  writeFileSync(session, JSON.stringify({ bootstrap, key, inNode, pid: process.pid }))

  say('Now open a second terminal in this folder, and run there:  npm run demo -- --join')
  say('Then a line that you type in either terminal appears in the other. Ctrl-C ends the demo.\n')

  process.on('SIGINT', noop)
  await once(server, 'exit')
  rmSync(session, { force: true })
  process.exit(0)
}

/** The second terminal: the client app. */
async function joinSession() {
  if (!existsSync(session))
    fail('No demo is running. Start it first, in another terminal: npm run demo')
  const { bootstrap, key, inNode } = JSON.parse(readFileSync(session, 'utf8'))
  const where = join(root, 'target', inNode ? 'demo-node' : 'demo-bare')

  say(`Starting examples/client-app in ${inNode ? 'Node' : 'Bare'}. Type a line. Ctrl-C ends it.\n`)
  const client = startApp('client-app', bootstrap, [key], 'inherit', { where, inNode })
  process.on('SIGINT', noop)
  await once(client, 'exit')
  process.exit(0)
}

/** Both apps without a terminal: lines both ways, checked. */
async function script() {
  const timer = setTimeout(() => fail('The demo did not finish within 60 seconds.'), 60_000)
  timer.unref()
  prepare()
  timer.refresh()
  const bootstrap = await startDht()

  say(`Starting examples/server-app in ${runtime}`)
  const server = startApp('server-app', bootstrap, [], ['pipe', 'pipe', 'inherit'])
  const fromServer = reader(server, 'server')
  const [, key] = await fromServer.find(/^listening on: ([0-9a-f]{64})$/)

  say(`Starting examples/client-app in ${runtime}`)
  const client = startApp('client-app', bootstrap, [key], ['pipe', 'pipe', 'inherit'])
  const fromClient = reader(client, 'client')
  await fromClient.find(/^got connection!$/)
  await fromServer.find(/^got connection!$/)

  say('Sending lines both ways')
  for (let i = 1; i <= 3; i++) {
    client.stdin.write(`hello ${i} from the client\n`)
    await fromServer.find(new RegExp(`^hello ${i} from the client$`))
    server.stdin.write(`hello ${i} from the server\n`)
    await fromClient.find(new RegExp(`^hello ${i} from the server$`))
  }

  say(
    'Ending both inputs, which ends the connection; then the server app, whose teardown closes it'
  )
  client.stdin.end()
  server.stdin.end()
  await new Promise(resolve => setTimeout(resolve, 500))
  server.kill('SIGINT')
  const [code] = await once(server, 'exit')
  if (code !== 0) fail(`The server app ended with exit code ${code}.`)

  say(`The demo works: 3 lines each way between two processes in ${runtime}.`)
  process.exit(0)
}

/** Builds the package and installs it, under the name hyperdht, beside copies of the two apps. */
function prepare() {
  if (!ensureInstalled()) fail('npm ci failed.')
  mkdirSync(folder, { recursive: true })

  const other = process.env.HYPERDHT_DEMO_PACKAGE
  const hyperdht = other || pack()
  install(hyperdht)

  for (const app of ['server-app', 'client-app']) {
    mkdirSync(join(folder, app), { recursive: true })
    copyFileSync(join(root, 'examples', app, 'index.js'), join(folder, app, 'index.js'))
  }
  for (const file of ['runner.mjs', 'dht.mjs']) {
    copyFileSync(join(root, 'examples', 'demo', file), join(folder, file))
  }
}

/** Packs this package as npm publishes it; the result is a dependency specification. */
function pack() {
  if (!build()) fail('The addon was not built.')

  say('Packing this package as npm would publish it (npm pack)')
  const args = ['pack', '--silent', '--pack-destination', folder]
  if (!npm(args)) fail('npm pack failed.')

  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return 'file:' + join(folder, `hyperdht-native-${version}.tgz`)
}

function install(hyperdht) {
  const dependencies = {
    b4a: '^1.9.0',
    'bare-process': inNode ? 'file:' + join(root, 'examples', 'demo', 'bare-process') : '^4.5.1',
    hyperdht
  }
  const overrides = readOverrides()
  const manifest = { private: true, type: 'module', dependencies, overrides }
  const text = JSON.stringify(manifest, null, 2) + '\n'
  const file = join(folder, 'package.json')
  const installed = join(folder, 'node_modules', 'hyperdht')
  const tarball = hyperdht.startsWith('file:') ? hyperdht.slice(5) : null

  const same = existsSync(file) && readFileSync(file, 'utf8') === text && existsSync(installed)
  const fresh = !tarball || (same && statSync(installed).ctimeMs > statSync(tarball).mtimeMs)
  if (same && fresh) return

  say(`Installing it as 'hyperdht' into ${relative(root, folder)} (npm install)`)
  rmSync(installed, { recursive: true, force: true })
  writeFileSync(file, text)
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--install-links']
  if (!npm(args, { cwd: folder })) fail('npm install failed.')
}

function readOverrides() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).overrides
}

/** Starts DHT nodes on loopback in a process of their own; resolves with the bootstrap nodes. */
async function startDht() {
  say('Starting an isolated DHT on loopback')
  // In a process group of its own: Ctrl-C ends the apps first.
  const child = start(['dht.mjs'], ['ignore', 'pipe', 'inherit'], { detached: true })
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  fail('The DHT nodes did not start.')
}

function startApp(app, bootstrap, args, stdio, place) {
  return start(
    ['runner.mjs', `./${app}/index.js`, JSON.stringify(bootstrap), ...args],
    stdio,
    place
  )
}

function start(args, stdio, options = {}) {
  const place = { where: folder, inNode, detached: false, ...options }
  const executable = place.inNode ? process.execPath : bare()
  const { where: cwd, detached } = place
  const child = spawn(executable, args, { cwd, stdio, detached })
  children.push(child)
  return child
}

async function listeningKey(server) {
  const [, key] = await reader(server).find(/^listening on: ([0-9a-f]{64})$/)
  return key
}

/** Reads the lines of a process; find() waits for the next one that matches. */
function reader(child, label) {
  const lines = []
  const waiting = []

  const input = createInterface({ input: child.stdout })
  input.on('line', line => {
    if (label) process.stdout.write(`  ${label}: ${line}\n`)
    lines.push(line)
    advance()
  })
  input.on('close', () => {
    for (const { pattern } of waiting) fail(`${label} ended before it wrote a line like ${pattern}`)
  })

  function advance() {
    while (waiting.length > 0) {
      const at = lines.findIndex(line => waiting[0].pattern.test(line))
      if (at === -1) return
      const [line] = lines.splice(0, at + 1).slice(-1)
      const { pattern, resolve } = waiting.shift()
      resolve(pattern.exec(line))
    }
  }

  return {
    find(pattern) {
      return new Promise(resolve => {
        waiting.push({ pattern, resolve })
        advance()
      })
    }
  }
}

function noop() {}
