// What a node does about requests and datagrams of others that the core tells of, until a program
// replaces it.

const c = require('compact-encoding')
const m = require('../messages')
const { isBytes } = require('../util/bytes')
const { COMMANDS } = require('../constants')
const { checkAddress } = require('../util/options')
const { UNKNOWN, REQUESTS, DATAGRAMS } = require('./incoming-subscription')

/** Gives the class of a node `onrequest` and `onmessage`, which subclasses may override. */
exports.install = function install(DHT) {
  for (const [name, { method }] of Object.entries(REPLACEABLE)) define(DHT.prototype, name, method)
}

/** Subscribes a new node to what its class, or its program later on, wants to see. */
exports.watch = function watch(dht) {
  subscribeReplaced(dht)
  // fields of a subclass are there once its constructor has ended
  queueMicrotask(() => subscribeReplaced(dht))
  dht.on('newListener', name => {
    if (name === 'request') dht._subscription.add(UNKNOWN)
  })
}

// Serves what the reference serves. Returns false for what it does not know.
function onrequest(req) {
  if (req.command === COMMANDS.PEER_HANDSHAKE || req.command === COMMANDS.PEER_HOLEPUNCH) {
    req._serve()
    return true
  }
  if (req.command > COMMANDS.PLUGIN) return emitRequest(this, req)
  if (this.id === null) return false

  if (req.command === COMMANDS.PLUGIN) onplugin(this, req)
  else req._serve()
  return true
}

// As dht-rpc without hyperdht does.
function emitRequest(dht, req) {
  const heard = dht.emit('request', req)
  if (!heard) dht._subscription.remove(UNKNOWN)
  return heard
}

function onplugin(dht, req) {
  const message = decodePlugin(req.value)
  const plugin = message && dht.plugins.get(message.plugin)
  if (plugin && plugin.version === message.version) plugin.onrequest(message, req)
}

function onmessage(socket, buf, rinfo) {
  if (!isBytes(buf)) throw new TypeError('buf must be a buffer')
  if (buf.byteLength < 2) return
  this._native?.command('handleDatagram', {
    socket: socket.id,
    from: checkAddress('rinfo', rinfo),
    data: buf
  })
}

const REPLACEABLE = {
  onrequest: { method: onrequest, bit: REQUESTS },
  onmessage: { method: onmessage, bit: DATAGRAMS }
}

// A method that tells when it is assigned to an instance. Subclasses define theirs as usual.
function define(prototype, name, method) {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get: () => method,
    set(replacement) {
      Object.defineProperty(this, name, {
        value: replacement,
        configurable: true,
        enumerable: true,
        writable: true
      })
      this._subscription?.add(REPLACEABLE[name].bit)
    }
  })
}

function subscribeReplaced(dht) {
  for (const [name, { method, bit }] of Object.entries(REPLACEABLE)) {
    if (dht[name] !== method) dht._subscription.add(bit)
  }
}

// Null for what is no such message: nodes may send anything.
function decodePlugin(value) {
  try {
    return value && c.decode(m.pluginRequest, value)
  } catch {
    return null
  }
}
