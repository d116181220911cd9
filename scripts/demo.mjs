// npm run demo: the documentation's two apps, unchanged, on an isolated DHT.
//
//   npm run demo                 starts the DHT and both apps; this terminal is the server app's
//   npm run demo -- --join       makes a second terminal the client app's
//   npm run demo -- --script     does it without a terminal, checks lines both ways, exits
//   --node                       runs the apps in Node instead of Bare

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { prepare } from './demo-folder.mjs'
import { AppTerminal, attach, isRunning } from './demo-terminal.mjs'
import { bare, fail, root, say } from './tools.mjs'

const flags = process.argv.slice(2)
const inNode = flags.includes('--node')
const runtime = inNode ? 'Node' : 'Bare'
const folder = join(root, 'target', inNode ? 'demo-node' : 'demo-bare')
const children = []

const LISTENING = /^listening on: ([0-9a-f]{64})$/
const CONNECTED = /^got connection!$/

/** Milliseconds within which two signals are one Ctrl-C. */
const SAME_SIGNAL = 500

/** Milliseconds for the apps' teardown: unannouncing takes 5 s at most. */
const PATIENCE = 8_000

const SCRIPT_TIME = 60_000

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

const unknown = flags.find(flag => !['--node', '--join', '--script'].includes(flag))
if (unknown) fail(`${unknown} is none of the demo's options: --join, --script, --node.`)
if (flags.includes('--join')) await attach()
else if (flags.includes('--script')) await script()
else await host()

/** The first terminal: the DHT, the server app in this terminal, and the client app behind it. */
async function host() {
  if (!process.stdin.isTTY) fail('This is no terminal. Without one: npm run demo -- --script')
  if (await isRunning())
    fail('The demo runs already, in another terminal. Join it: npm run demo -- --join')
  prepare(folder, inNode)
  const bootstrap = await startDht()

  say(`Starting examples/server-app in ${runtime}, in this terminal`)
  const server = startApp('server-app', bootstrap, [], ['inherit', 'pipe', 'inherit'])
  server.stdout.pipe(process.stdout)
  const fromServer = lines(server)
  const [, key] = await fromServer.find(LISTENING)

  say(`Starting examples/client-app in ${runtime}; without a terminal of its own it speaks here`)
  const client = startApp('client-app', bootstrap, [key], ['pipe', 'pipe', 'inherit'])
  const shared = await AppTerminal.open(client)
  const ended = untilEnd({ server, client })
  const connected = [fromServer.find(CONNECTED), lines(client).find(CONNECTED)]
  await Promise.race([Promise.all(connected), ended])

  say(
    `Both apps run. Open a second terminal, and there:

    cd ${root}
    npm run demo -- --join

  Then a line that you type in either terminal appears in the other. Ctrl-C here ends the demo.
`
  )
  const code = await ended
  shared.close()
  process.exit(code)
}

/**
 * Waits for the end of either app or for Ctrl-C, and ends both.
 *
 * @returns {Promise<number>} the exit code: 0 after Ctrl-C if both apps ended well
 */
async function untilEnd(apps) {
  const all = Object.entries(apps)
  const exits = all.map(([name, app]) => exit(app).then(how => ({ name, ...how })))
  const interrupted = interruption(Object.values(apps))

  const first = await Promise.race([interrupted, ...exits])
  // Ctrl-C reaches the apps as well. One of them may have ended before this process sees the signal
  const asked =
    first === 'interrupted' || (await Promise.race([interrupted, pause(100)])) === 'interrupted'
  if (asked) say('Ending both apps: the server app unannounces its key (Ctrl-C again: at once)')
  else say(`The ${first.name} app ended by itself (${first.how}), and so does the demo.`)

  for (const [, app] of all) app.kill('SIGINT')
  const results = await Promise.all(exits)
  const bad = results.filter(({ code }) => code !== 0)
  if (asked) for (const { name, how } of bad) say(`The ${name} app did not end well: ${how}.`)
  return asked && bad.length === 0 ? 0 : 1
}

/** Resolves at Ctrl-C. A second Ctrl-C, or a time limit, ends the apps at once. */
function interruption(apps) {
  return new Promise(resolve => {
    let since = 0
    function stop() {
      // npm forwards the signal, which the terminal has also sent to us
      if (since > 0 && Date.now() - since < SAME_SIGNAL) return
      if (since > 0) return killAll(apps)
      since = Date.now()
      resolve('interrupted')
      setTimeout(killAll, PATIENCE, apps).unref()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
  })
}

function killAll(apps) {
  for (const app of apps) app.kill('SIGKILL')
}

/** Both apps without a terminal: lines both ways, checked. */
async function script() {
  prepare(folder, inNode)
  setTimeout(fail, SCRIPT_TIME, 'The demo did not finish within 60 seconds.').unref()
  const bootstrap = await startDht()

  say(`Starting examples/server-app in ${runtime}`)
  const server = startApp('server-app', bootstrap, [], ['pipe', 'pipe', 'inherit'])
  const fromServer = lines(server, 'server')
  const [, key] = await fromServer.find(LISTENING)

  say(`Starting examples/client-app in ${runtime}`)
  const client = startApp('client-app', bootstrap, [key], ['pipe', 'pipe', 'inherit'])
  const fromClient = lines(client, 'client')
  await fromClient.find(CONNECTED)
  await fromServer.find(CONNECTED)

  say('Sending lines both ways')
  for (let i = 1; i <= 3; i++) {
    client.stdin.write(`hello ${i} from the client\n`)
    await fromServer.find(new RegExp(`^hello ${i} from the client$`))
    server.stdin.write(`hello ${i} from the server\n`)
    await fromClient.find(new RegExp(`^hello ${i} from the server$`))
  }

  say('Ending both apps, as Ctrl-C does: the server app unannounces its key')
  const exits = [exit(client), exit(server)]
  client.kill('SIGINT')
  server.kill('SIGINT')
  for (const { code, how } of await Promise.all(exits)) {
    if (code !== 0) fail(`An app did not end well: ${how}.`)
  }

  say(`The demo works: 3 lines each way between two processes in ${runtime}.`)
  process.exit(0)
}

/** Starts DHT nodes on loopback in a process of their own; resolves with the bootstrap nodes. */
async function startDht() {
  say('Starting an isolated DHT of 5 nodes on loopback')
  const child = start(['dht.mjs'], ['pipe', 'pipe', 'inherit'])
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  fail('The DHT nodes did not start.')
}

function startApp(app, bootstrap, args, stdio) {
  return start(['runner.mjs', `./${app}/index.js`, JSON.stringify(bootstrap), ...args], stdio)
}

function start(args, stdio) {
  const child = spawn(inNode ? process.execPath : bare(), args, { cwd: folder, stdio })
  // an app that has ended does not read: its 'exit' event tells so
  child.stdin?.on('error', noop)
  children.push(child)
  return child
}

async function exit(child) {
  const [code, signal] = await once(child, 'exit')
  return { code, how: signal ? `killed by ${signal}` : `exit code ${code}` }
}

/** Reads the lines of a process; find() waits for the next one that matches. */
function lines(child, label) {
  const seen = []
  const waiting = []

  const input = createInterface({ input: child.stdout })
  input.on('line', line => {
    if (label) process.stdout.write(`  ${label}: ${line}\n`)
    seen.push(line)
    advance()
  })
  input.on('close', () => {
    for (const { pattern } of waiting) fail(`An app ended before it wrote a line like ${pattern}`)
  })

  function advance() {
    while (waiting.length > 0) {
      const at = seen.findIndex(line => waiting[0].pattern.test(line))
      if (at === -1) return
      const [line] = seen.splice(0, at + 1).slice(-1)
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

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function noop() {}
