const { checkAddress, checkUint, checkValue } = require('../util/options')
const { standIn } = require('../util/unsupported')

/** A request of another node, for the application to answer: now, later, several times or never. */
module.exports = class IncomingRequest {
  /**
   * @param {import('../..')} dht
   * @param {object} received as border.js tells it
   */
  constructor(dht, { socket, from, id, to, tid, command, target, token, value }) {
    this.socket = dht._socketView(socket)
    this.tid = tid
    this.from = { id, host: from.host, port: from.port }
    this.to = { id: null, host: to.host, port: to.port }
    this.token = token
    this.command = command
    this.target = target
    this.value = value
    this.internal = false

    this._dht = dht
  }

  /**
   * @param {Buffer | null} value
   * @param {object} [opts]
   * @param {object} [opts.socket] to answer from; the one that the request arrived on
   * @param {{ host: string, port: number }} [opts.to] whom to answer; the requester
   * @param {boolean} [opts.token] give the requester a token; true
   * @param {boolean} [opts.closerNodes] give it nodes closer to the target; true
   */
  reply(value, opts = {}) {
    this._reply(0, value || null, opts.token !== false, opts)
  }

  /**
   * @param {number} code
   * @param {object} [opts] as of `reply`, without a token unless that is true
   */
  error(code, opts = {}) {
    this._reply(checkUint('code', code), null, opts.token === true, opts)
  }

  /**
   * Sends the request on, with its id. The other node may answer us, or the requester itself (`to`):
   * a requester of the reference takes that, one of ours takes an answer only from the node that it
   * has asked.
   */
  relay(value, to, opts) {
    this._answer('relayRequest', {
      value: checkValue(value || null),
      to: checkAddress('to', to),
      socket: this._socketId(opts?.socket)
    })
  }

  sendReply(error, value, token, closerNodes) {
    this._reply(checkUint('error', error), value || null, !!token, { closerNodes: !!closerNodes })
  }

  /** Leaves it to the core. */
  _serve() {
    this._answer('serveRequest', {})
  }

  _reply(error, value, token, { closerNodes, to, socket }) {
    this._answer('answerRequest', {
      error,
      value: checkValue(value),
      token,
      closerNodes: closerNodes !== false,
      to: to ? checkAddress('to', to) : null,
      socket: this._socketId(socket)
    })
  }

  // What the core needs to know of the request goes with each answer: it has kept nothing.
  _answer(name, answer) {
    const { socket, from, to, tid, command, target, token, value } = this
    const request = { socket: socket.id, from, id: from.id, to, tid, command, target, token }
    request.value = name === 'serveRequest' ? value : null
    this._dht._native.command(name, { request, ...answer })
  }

  _socketId(socket) {
    if (!socket || socket === this.socket) return null
    return this._dht._socketId(socket)
  }
}

standIn(module.exports.prototype, 'req', ['destroy', 'oncycle', 'onerror', 'onresponse', 'send'])
