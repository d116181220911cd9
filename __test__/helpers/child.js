// The parent's half of the process harness.

const { EventEmitter } = require('bare-events')
const { childProcess, executable, path, process } = require('./runtime')
const JsonLines = require('./json-lines')

/** A child process that answers calls (see role.js); its events are emitted here. */
class Child extends EventEmitter {
  /**
   * role: a file of ./roles; implementation: 'native' | 'reference'; runtime: 'node' | 'bare';
   * under: a command that runs the child
   */
  static async spawn({ role, implementation, runtime, under = [] }) {
    const file = path.join(__dirname, 'roles', role + '.js')
    const command = [...under, executable(runtime), file]
    return Child.start(command, implementation, `${role} (${implementation}, ${runtime})`)
  }

  /** Starts any command that serves calls; `label` names it in errors. */
  static async start(command, implementation, label = command.at(-1)) {
    const child = new Child(command, implementation)
    child.label = label
    await child._ready
    return child
  }

  constructor([command, ...args], implementation) {
    super()

    this.label = args.at(-1)
    this._nextId = 1
    this._calls = new Map()
    this._process = childProcess.spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, HYPERDHT_IMPL: implementation }
    })
    this._lines = new JsonLines(this._process.stdout, this._process.stdin, m => this._onmessage(m))
    this._process.stdin.on('error', noop)
    this.exited = new Promise(resolve => {
      this._process.on('exit', (code, signal) => {
        this._failCalls(new Error(`${this.label} exited with ${signal || code}`))
        resolve(code)
      })
    })
    this._ready = new Promise((resolve, reject) => {
      this.once('ready', resolve)
      this.exited.then(code => reject(new Error(`${this.label} did not start, exit code ${code}`)))
    })
  }

  get pid() {
    return this._process.pid
  }

  call(method, params = {}) {
    const id = this._nextId++
    return new Promise((resolve, reject) => {
      this._calls.set(id, { resolve, reject })
      this._lines.send({ id, method, params })
    })
  }

  /** Waits for an event of the child; rejects when it exits first. */
  next(event) {
    const promise = new Promise((resolve, reject) => {
      this.once(event, resolve)
      this.exited.then(() => reject(new Error(`${this.label} exited before '${event}'`)))
    })
    promise.catch(noop)
    return promise
  }

  /** Closes the child's stdin, which ends the child. Kills it if it does not exit within 5 s. */
  async close() {
    this._process.stdin.end()
    const timer = setTimeout(() => this._process.kill('SIGKILL'), 5000)
    await this.exited
    clearTimeout(timer)
  }

  /** Kills the child, which cannot clean up: like a crash. */
  async kill() {
    this._process.kill('SIGKILL')
    await this.exited
  }

  _onmessage({ id, event, data, result, error }) {
    if (event) return this.emit(event, data)

    const call = this._calls.get(id)
    if (!call) return
    this._calls.delete(id)

    if (!error) return call.resolve(result)
    const err = new Error(`${this.label}: ${error.message}`)
    err.code = error.code
    call.reject(err)
  }

  _failCalls(err) {
    for (const { reject } of this._calls.values()) reject(err)
    this._calls.clear()
  }
}

module.exports = Child

function noop() {}
