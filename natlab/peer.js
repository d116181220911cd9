const { spawn } = require('child_process')
const path = require('path')

/** A process of natlab/peers in a namespace, which sends messages over Node's IPC channel. */
module.exports = class Peer {
  constructor(role, namespace, implementation, options) {
    const file = path.join(__dirname, 'peers', role + '.js')
    this.child = spawn('ip', ['netns', 'exec', namespace, process.execPath, file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, HYPERDHT_IMPL: implementation }
    })
    this._role = role
    this._message = new Promise((resolve, reject) => {
      this.child.once('message', resolve)
      this.child.once('exit', () => reject(new Error(`the ${role} ended`)))
    })
    this._message.catch(noop)
    this.child.send(options)
  }

  /** The one message of the process. Rejects when it ends or takes longer. */
  async message(milliseconds) {
    let timer = null
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the ${this._role} is late`)), milliseconds)
    })
    try {
      return await Promise.race([this._message, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function noop() {}
