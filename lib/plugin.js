const c = require('compact-encoding')
const { COMMANDS } = require('./constants')
const m = require('./messages')

/** Commands of an application. Persistent nodes that have the same plugin answer them. */
module.exports = class Plugin {
  /**
   * @param {string} name
   * @param {number} version requests of other versions are not answered
   */
  constructor(name, version) {
    this.name = name
    this.version = version
    this.dht = null
  }

  onregister(dht) {
    this.dht = dht
  }

  /**
   * @param {{ plugin: string, version: number, command: number, value: Buffer | null }} _req
   * @param {import('./request/incoming-request')} _outerReq to answer it by
   */
  onrequest(_req, _outerReq) {
    throw new Error('onrequest() must be implemented')
  }

  onpersistent() {
    throw new Error('onpersistent() must be implemented')
  }

  destroy() {
    throw new Error('destroy() must be implemented')
  }

  request({ token = null, command, target = null, value = null }, to, opts) {
    return this.dht.request({ token, target, ...this._message(command, value) }, to, opts)
  }

  query({ command, target = null, value = null }, opts) {
    return this.dht.query({ target, ...this._message(command, value) }, opts)
  }

  _message(command, value) {
    const { name: plugin, version } = this
    const inner = c.encode(m.pluginRequest, { plugin, version, command, value })
    return { command: COMMANDS.PLUGIN, value: inner }
  }
}
