// The client app's input and output, which a second terminal can join.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fail, isWindows, root, say } from './tools.mjs'

/** The answers to a terminal that may join, and to one that may not. */
const FREE = '+'
const TAKEN = '-'

/** One for each clone, and short: the name of a local socket has about 100 bytes. */
const NAME = 'hyperdht-demo-' + createHash('sha256').update(root).digest('hex').slice(0, 12)
const PATH = isWindows ? `\\\\.\\pipe\\${NAME}` : join(tmpdir(), NAME + '.sock')

/**
 * A terminal that joins becomes the app's terminal. Until then the app's output is shown here,
 * labelled.
 */
export class AppTerminal {
  static async open(app) {
    const shared = new AppTerminal(app)
    if (!isWindows) rmSync(PATH, { force: true })
    shared.server.listen(PATH)
    await once(shared.server, 'listening')
    return shared
  }

  constructor(app) {
    this.app = app
    this.terminal = null
    this.server = createServer(terminal => this.take(terminal))

    app.stdout.on('data', data => {
      if (this.terminal !== null) this.terminal.write(data)
    })
    createInterface({ input: app.stdout }).on('line', line => {
      if (this.terminal === null) process.stdout.write(`  client: ${line}\n`)
    })
  }

  take(terminal) {
    terminal.on('error', noop)
    if (this.terminal !== null) return terminal.end(TAKEN)

    this.terminal = terminal
    terminal.write(FREE)
    terminal.on('data', data => this.app.stdin.write(data))
    terminal.on('close', () => this.leave())
    process.stdout.write("  (a second terminal has joined: it is the client app's)\n")
  }

  leave() {
    this.terminal = null
    process.stdout.write('  (the second terminal has left; npm run demo -- --join joins again)\n')
  }

  close() {
    this.terminal?.removeAllListeners('close').end()
    this.server.close()
    if (!isWindows) rmSync(PATH, { force: true })
  }
}

/** Whether a demo of this folder runs. */
export async function isRunning() {
  const terminal = await dial()
  terminal?.destroy()
  return terminal !== null
}

/** Makes this terminal the client app's, until Ctrl-C or the end of the demo. */
export async function attach() {
  const terminal = await dial()
  if (terminal === null) {
    fail('No demo runs in this folder. Start it in another terminal: npm run demo')
  }
  const [first] = await once(terminal, 'data')
  if (first.toString().startsWith(TAKEN)) fail('Another terminal has joined the demo already.')

  say("This terminal is the client app's. Type a line: it appears in the first. Ctrl-C leaves.\n")
  process.stdout.write(first.subarray(FREE.length))
  terminal.pipe(process.stdout)
  process.stdin.pipe(terminal)
  process.on('SIGINT', () => process.exit(0))

  await once(terminal, 'close')
  if (!process.stdin.readableEnded) say('The demo has ended.')
  process.exit(0)
}

function dial() {
  return new Promise(resolve => {
    const terminal = connect(PATH)
    terminal.once('connect', () => resolve(terminal))
    terminal.on('error', () => resolve(null))
  })
}

function noop() {}
