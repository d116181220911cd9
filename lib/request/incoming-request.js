const { checkAddress, checkUint, checkValue } = require('../util/check')
const { internalsOf, keepInternals } = require('../util/internals')

/** A request of another node. The application may answer it now, later, several times or never. */
module.exports = class IncomingRequest {
  /**
   * @param {import('../dht/internals')} internals
   * @param {object} received the event of border.js
   */
  constructor(internals, { socket, from, id, to, tid, command, target, token, value }) {
    this.socket = internals.sockets.view(socket)
    this.tid = tid
    this.from = { id, host: from.host, port: from.port }
    this.to = { id: null, host: to.host, port: to.port }
    this.token = token
    this.command = command
    this.target = target
    this.value = value
    this.internal = false
    this.session = null
    this.ttl = 0
    this.index = -1
    this.sent = 0
    this.retries = 3
    this.timeout = 0
    this.destroyed = false

    keepInternals(this, internals)
  }

  /**
   * @param {Buffer | null} value
   * @param {object} [opts]
   * @param {object} [opts.socket] to answer from; default: the one that the request arrived on
   * @param {{ host: string, port: number }} [opts.to] gets the answer; default: the requester
   * @param {boolean} [opts.token] give the requester a token; default: true
   * @param {boolean} [opts.closerNodes] name nodes closer to the target; default: true
   */
  reply(value, opts = {}) {
    this._reply(0, value || null, opts.token !== false, opts)
  }

  /**
   * @param {number} code
   * @param {object} [opts] as of `reply`, but `token` is false by default
   */
  error(code, opts = {}) {
    this._reply(checkUint('code', code), null, opts.token === true, opts)
  }

  /**
   * Forwards the request, with its transaction id. The other node may answer us or the requester
   * itself (`to`). A requester of the reference accepts that. A requester of ours accepts an answer
   * only from the node that it has asked.
   */
  relay(value, to, opts) {
    answer(this, {
      kind: 'relay',
      value: checkValue(value || null),
      to: checkAddress('to', to),
      socket: socketId(this, opts?.socket)
    })
  }

  /** Forwards the request to the address that it was sent to. */
  send() {
    this.relay(this.value, this.to)
  }

  /** No answer is sent from here on. */
  destroy() {
    this.destroyed = true
  }

  /** The events of a request that is sent. A request of another node has none. */
  oncycle() {}

  onerror() {}

  onresponse() {}

  sendReply(error, value, token, closerNodes) {
    this._reply(checkUint('error', error), value || null, !!token, { closerNodes: !!closerNodes })
  }

  _reply(error, value, token, { closerNodes, to, socket }) {
    const reply = {
      error,
      value: checkValue(value),
      token,
      closerNodes: closerNodes !== false,
      to: to ? checkAddress('to', to) : null,
      socket: socketId(this, socket)
    }
    answer(this, { kind: 'reply', answer: reply })
  }
}

/** Leaves the answer to the core. */
module.exports.serve = function serve(req) {
  answer(req, { kind: 'serve' })
}

// Each answer carries all fields of the request that the core needs, because the core keeps none.
function answer(req, said) {
  if (req.destroyed) return
  const { socket, from, to, tid, command, target, token, value } = req
  const request = { socket: socket.id, from, id: from.id, to, tid, command, target, token }
  request.value = said.kind === 'serve' ? value : null
  internalsOf(req).native.command('answerRequest', { request, answer: said })
}

function socketId(req, socket) {
  if (!socket || socket === req.socket) return null
  return internalsOf(req).sockets.idOf(socket)
}
