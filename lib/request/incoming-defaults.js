// The default `onrequest` and `onmessage` of a node, which handle requests and datagrams of other
// nodes. Programs may replace them, and subclasses may override them.

const c = require('compact-encoding')
const lazily = require('../util/lazily')
const { isBytes } = require('../util/bytes')
const { COMMANDS } = require('../constants')
const { checkAddress } = require('../util/check')
const { internalsOf } = require('../util/internals')
const { serve } = require('./incoming-request')
const { UNKNOWN, REQUESTS, DATAGRAMS, PLUGINS } = require('./incoming-subscription')

const messages = lazily(() => require('../messages'))

/** Adds `onrequest` and `onmessage` to the class of a node. */
exports.install = function install(DHT) {
  for (const [name, { method }] of Object.entries(REPLACEABLE)) define(DHT.prototype, name, method)
}

/** Subscribes a new node to the requests and datagrams that its class or its program handles. */
exports.watch = function watch(dht) {
  subscribeReplaced(dht)
  // fields of a subclass exist only after its constructor has returned
  queueMicrotask(() => subscribeReplaced(dht))
  dht.on('newListener', name => {
    if (name === 'request') internalsOf(dht).subscription.add(UNKNOWN)
  })
}

/** Subscribes a node to the requests of plugins. Throws if what decodes them cannot be loaded. */
exports.watchPlugins = function watchPlugins(dht) {
  messages()
  internalsOf(dht).subscription.add(PLUGINS)
}

// Answers the commands that the reference answers. Returns false for an unknown command.
function onrequest(req) {
  if (req.command === COMMANDS.PEER_HANDSHAKE || req.command === COMMANDS.PEER_HOLEPUNCH) {
    serve(req)
    return true
  }
  if (req.command > COMMANDS.PLUGIN) return emitRequest(this, req)
  if (this.id === null) return false

  if (req.command === COMMANDS.PLUGIN) onplugin(this, req)
  else serve(req)
  return true
}

// Unknown commands are events, as in dht-rpc.
function emitRequest(dht, req) {
  const heard = dht.emit('request', req)
  if (!heard) internalsOf(dht).subscription.remove(UNKNOWN)
  return heard
}

function onplugin(dht, req) {
  // without a plugin nothing is loaded: nobody could catch the error
  if (!dht.plugins?.size) return
  const { pluginRequest } = messages()
  const message = decode(pluginRequest, req.value)
  const plugin = message && dht.plugins.get(message.plugin)
  if (plugin && plugin.version === message.version) plugin.onrequest(message, req)
}

function onmessage(socket, buf, rinfo) {
  receive(internalsOf(this), socket, buf, rinfo)
}

exports.receive = receive

/** Gives the core a datagram that has arrived at a socket of the node. */
function receive({ native, sockets }, socket, buf, rinfo) {
  if (!isBytes(buf)) throw new TypeError('buf must be a buffer')
  const id = sockets.idOfViewed(socket)
  if (buf.byteLength < 2) return
  native.command('handleDatagram', {
    socket: id,
    from: checkAddress('rinfo', rinfo),
    data: buf
  })
}

const REPLACEABLE = {
  onrequest: { method: onrequest, bit: REQUESTS },
  onmessage: { method: onmessage, bit: DATAGRAMS }
}

// Defines a method that notices when a program assigns another one to an instance. Subclasses
// override it as usual.
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
      internalsOf(this)?.subscription.add(REPLACEABLE[name].bit)
    }
  })
}

function subscribeReplaced(dht) {
  for (const [name, { method, bit }] of Object.entries(REPLACEABLE)) {
    if (dht[name] !== method) internalsOf(dht).subscription.add(bit)
  }
}

// Null if the value is not such a message: nodes may send any bytes.
function decode(encoding, value) {
  try {
    return value && c.decode(encoding, value)
  } catch {
    return null
  }
}
