// Puts the nodes of the reference in this process behind a distant NAT. The NAT uses a different
// port for each destination, lets in only datagrams of that destination, and delays every datagram.

const dgram = require('dgram')
const UDXSocket = require('udx-native/lib/socket')

/**
 * @param {number} delay milliseconds, one way
 */
module.exports = function far(delay) {
  const mappings = new WeakMap()
  const { close } = UDXSocket.prototype

  UDXSocket.prototype.trySend = function (buffer, port, host, ttl) {
    if (!this.closing) mapping(this, host, port).leave(Buffer.from(buffer), ttl || TTL)
  }
  UDXSocket.prototype.send = async function (...datagram) {
    this.trySend(...datagram)
    return true
  }
  // A datagram that did not come through the NAT: nobody outside knows that address.
  UDXSocket.prototype._onmessage = function (length) {
    this.udx._consumeMessage(length)
    return this.udx._buffer
  }
  UDXSocket.prototype.close = function () {
    const own = mappings.get(this)
    mappings.delete(this)
    return close.call(this).finally(() => {
      for (const mapping of own?.values() ?? []) mapping.close()
    })
  }

  function mapping(socket, host, port) {
    if (!socket.bound) socket.bind(0, LOCAL)
    if (!mappings.has(socket)) mappings.set(socket, new Map())
    const own = mappings.get(socket)
    const key = `${host}:${port}`
    if (!own.has(key)) own.set(key, new Mapping(socket, { host, port }, delay))
    return own.get(key)
  }
}

/** The port that the NAT uses for one socket and one destination. */
class Mapping {
  constructor(socket, to, delay) {
    this._socket = socket
    this._to = to
    this._delay = delay
    this._closed = false
    this._outside = bind(PUBLIC, (data, from) => {
      if (from.address === to.host && from.port === to.port) this._enter(data)
    })
    // Takes the place of the destination for UDX, which sends and receives natively, not in
    // JavaScript.
    this._inside = null
  }

  leave(data, ttl) {
    if (ttl >= FAR) this._later(() => this._outside.send(data, this._to.port, this._to.host))
  }

  close() {
    this._closed = true
    this._outside.close()
    this._inside?.close()
  }

  _enter(data) {
    this._later(() => {
      if (data[0] === UDX_MAGIC) this._toStream(data)
      else this._socket.emit('message', data, { ...this._to, family: 4 })
    })
  }

  _toStream(data) {
    this._inside ||= bind(LOCAL, data => this.leave(data, TTL))
    this._inside.send(data, this._socket.address().port, LOCAL)
  }

  _later(act) {
    setTimeout(() => this._closed || act(), this._delay)
  }
}

function bind(host, onmessage) {
  const socket = dgram.createSocket('udp4')
  socket.on('error', noop)
  socket.on('message', onmessage)
  socket.bind(0, host)
  return socket
}

const LOCAL = '127.0.0.1'

/**
 * A host for this process alone, so that a guessed port is never another program's. Linux has all
 * of 127/8.
 */
const PUBLIC = `127.${1 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`

const UDX_MAGIC = 0xff

const TTL = 64

/** A datagram with a smaller TTL opens the NAT and does not arrive. */
const FAR = 12

function noop() {}
