const { spawn } = require('child_process')
const path = require('path')

const running = new Set()

/** A process of bench/roles, which sends messages over Node's IPC channel. */
module.exports = class Peer {
  /** Ends those that run. */
  static endAll() {
    return Promise.all([...running].map(peer => peer.end()))
  }

  /** @param {object} options the role's; and `cpus`, as taskset has them, to stay on */
  constructor(role, implementation, options = {}) {
    this._messages = []
    this._waiting = []
    const { cpus = null, ...rest } = options
    const [command, ...args] = [...pinned(cpus), process.execPath, ...FLAGS]
    this._child = spawn(command, [...args, path.join(__dirname, '../roles')], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, HYPERDHT_IMPL: implementation }
    })
    this._child.on('message', message => {
      if (this._waiting.length > 0) this._waiting.shift()(message)
      else this._messages.push(message)
    })
    this._exit = new Promise(resolve => this._child.on('exit', resolve))
    running.add(this)
    this._child.send({ role, ...rest })
  }

  message() {
    if (this._messages.length > 0) return Promise.resolve(this._messages.shift())
    const early = this._exit.then(() => {
      throw new Error('a process ended before it reported')
    })
    return Promise.race([new Promise(resolve => this._waiting.push(resolve)), early])
  }

  /** Sends a message and waits for the next one. */
  ask(message) {
    this._child.send(message)
    return this.message()
  }

  end() {
    running.delete(this)
    this._child.kill('SIGKILL')
    return this._exit
  }
}

/** Memory is compared after a garbage collection. */
const FLAGS = ['--expose-gc']

function pinned(cpus) {
  return cpus === null ? [] : ['taskset', '-c', cpus]
}
