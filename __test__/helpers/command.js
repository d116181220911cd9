// The command `hyperdht` of the implementation under test, in a process of its own. It is a
// program for Node.js, also if the test runs in Bare.

const b4a = require('b4a')
const { childProcess, executable, path, process } = require('./runtime')
const { isNative } = require('./implementation')

/** A running command; its lines are waited for one by one. */
module.exports = class Command {
  /** @param {string[]} args */
  constructor(args) {
    this.lines = []
    this.stderr = ''
    this._rest = ''
    this._all = []
    this._waiting = []
    this._process = childProcess.spawn(executable('node'), ['--require', PRELOAD, FILE, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env }
    })
    this._process.stdout.on('data', chunk => this._ondata(b4a.toString(chunk)))
    this._process.stderr.on('data', chunk => {
      this.stderr += b4a.toString(chunk)
    })

    const exited = new Promise(resolve => {
      this._process.on('exit', (code, signal) => resolve({ code, signal: signal || null }))
    })
    const closed = [this._process.stdout, this._process.stderr].map(ended)
    /** Resolves with { code, signal } when the process is gone and all of its output is here. */
    this.exited = Promise.all([exited, ...closed]).then(([how]) => {
      for (const { reject, text } of this._waiting) reject(new Error(`'${text}' never came`))
      return how
    })
  }

  /** Resolves with the first line that starts with `text`. */
  line(text) {
    const seen = this._all.find(line => line.startsWith(text))
    if (seen) return Promise.resolve(seen)
    return new Promise((resolve, reject) => this._waiting.push({ text, resolve, reject }))
  }

  /** Sends a signal once the command can take it; resolves as `exited` does. */
  async stop(signal) {
    await this.line(STOPPABLE)
    this._process.kill(signal)
    return this.exited
  }

  kill() {
    this._process.kill('SIGKILL')
  }

  _ondata(text) {
    const lines = (this._rest + text).split('\n')
    this._rest = lines.pop()
    for (const line of lines) this._online(line)
  }

  _online(line) {
    this._all.push(line)
    if (line !== STOPPABLE) this.lines.push(line)
    const found = this._waiting.filter(({ text }) => line.startsWith(text))
    this._waiting = this._waiting.filter(waiting => !found.includes(waiting))
    for (const { resolve } of found) resolve(line)
  }
}

function ended(stream) {
  return new Promise(resolve => stream.on('close', resolve))
}

const PRELOAD = path.join(__dirname, 'tell-sigint.js')
const STOPPABLE = 'SIGINT is handled'

const FILE = isNative
  ? path.join(__dirname, '..', '..', 'bin.js')
  : require.resolve('hyperdht-reference/bin.js')
