const { spawn } = require('child_process')
const path = require('path')

/** A process of roles.js, which sends messages over Node's IPC channel. */
module.exports = class Peer {
  constructor(role, implementation, options = {}) {
    this._messages = []
    this._waiting = []
    this._child = spawn(process.execPath, [path.join(__dirname, 'roles.js')], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, HYPERDHT_IMPL: implementation }
    })
    this._child.on('message', message => {
      if (this._waiting.length > 0) this._waiting.shift()(message)
      else this._messages.push(message)
    })
    this._exit = new Promise(resolve => this._child.on('exit', resolve))
    this._child.send({ role, ...options })
  }

  message() {
    if (this._messages.length > 0) return Promise.resolve(this._messages.shift())
    const early = this._exit.then(() => {
      throw new Error('a process ended before it reported')
    })
    return Promise.race([new Promise(resolve => this._waiting.push(resolve)), early])
  }

  end() {
    this._child.kill('SIGKILL')
    return this._exit
  }
}
