const { spawn } = require('child_process')
const { on } = require('events')
const path = require('path')

/** A process does not say what it should: a result, where a fault of the laboratory is none. */
class PeerFailure extends Error {}

/** A process of natlab/peers in a namespace, which sends messages over Node's IPC channel. */
module.exports = class Peer {
  constructor(role, namespace, implementation, options) {
    const file = path.join(__dirname, 'peers', role + '.js')
    this.child = spawn('ip', ['netns', 'exec', namespace, process.execPath, file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, HYPERDHT_IMPL: implementation }
    })
    this._role = role
    this._messages = on(this.child, 'message', { close: ['exit'] })
    this.child.send(options)
  }

  tell(message) {
    this.child.send(message)
  }

  /** The next message of the process. Rejects when it ends or takes longer. */
  async message(milliseconds) {
    let timer = null
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new PeerFailure(`the ${this._role} is late`)), milliseconds)
    })
    try {
      const { done, value } = await Promise.race([this._messages.next(), late])
      if (done) throw new PeerFailure(`the ${this._role} ended`)
      return value[0]
    } finally {
      clearTimeout(timer)
    }
  }
}

module.exports.PeerFailure = PeerFailure
