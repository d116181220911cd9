// A command of an app in a process of its own.

const { childProcess, process } = require('../../helpers/runtime')

/** A running command: what it prints is waited for, and its streams are there to use. */
module.exports = class App {
  /**
   * @param {string[]} command
   * @param {object} [options]
   * @param {object} [options.env] variables beside those of this process
   * @param {string} [options.cwd]
   */
  constructor([command, ...args], { env, cwd } = {}) {
    this.output = ''
    this._waiting = new Set()
    this._process = childProcess.spawn(command, args, { cwd, env: { ...process.env, ...env } })
    this.stdin = this._process.stdin
    this.stdin.on('error', () => {})
    this.stdout = this._process.stdout
    for (const stream of [this._process.stdout, this._process.stderr]) {
      stream.on('data', data => this._ondata(data))
    }
    /** Resolves with { code, signal } when the process is gone and all of its output is here. */
    this.exited = new Promise(resolve => {
      this._process.on('close', (code, signal) => resolve({ code, signal }))
    })
    this.exited.then(() => {
      for (const { pattern, reject } of this._waiting) {
        reject(new Error(`${args.join(' ')} ended before ${pattern}:\n${this.output}`))
      }
    })
  }

  /** Resolves with the match of what the command has printed so far, or will print. */
  prints(pattern) {
    return new Promise((resolve, reject) => {
      this._waiting.add({ pattern, resolve, reject })
      this._look()
    })
  }

  /** Asks the command to end as a user does, with SIGINT; kills it if it does not exit in time. */
  async stop() {
    this._process.kill('SIGINT')
    const timer = setTimeout(() => this._process.kill('SIGKILL'), GRACE)
    const end = await this.exited
    clearTimeout(timer)
    return end
  }

  _ondata(data) {
    this.output = (this.output + data).slice(-KEPT)
    this._look()
  }

  _look() {
    for (const waiting of this._waiting) {
      const match = waiting.pattern.exec(this.output)
      if (!match) continue
      this._waiting.delete(waiting)
      waiting.resolve(match)
    }
  }
}

const GRACE = 10_000

/** Enough for what commands print about themselves; some print what they transfer. */
const KEPT = 16 * 1024
