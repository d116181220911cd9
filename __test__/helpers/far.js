// Puts the nodes of the reference in this process behind a NAT far away: it takes another port for
// each destination, lets in what comes from there, and every datagram takes its time.

const dgram = require('dgram')
const UDXSocket = require('udx-native/lib/socket')

/**
 * @param {number} delay milliseconds, one way
 */
module.exports = function far(delay) {
  const mappings = new WeakMap()
  const { close } = UDXSocket.prototype

  UDXSocket.prototype.trySend = function (buffer, port, _host, ttl) {
    if (!this.closing) mapping(this, port).leave(Buffer.from(buffer), ttl || TTL)
  }
  UDXSocket.prototype.send = async function (...datagram) {
    this.trySend(...datagram)
    return true
  }
  // What comes past the NAT: nobody outside knows that address.
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

  function mapping(socket, port) {
    if (!socket.bound) socket.bind(0, HOST)
    if (!mappings.has(socket)) mappings.set(socket, new Map())
    const own = mappings.get(socket)
    if (!own.has(port)) own.set(port, new Mapping(socket, port, delay))
    return own.get(port)
  }
}

/** The port that one socket has towards one destination. */
class Mapping {
  constructor(socket, port, delay) {
    this._socket = socket
    this._port = port
    this._delay = delay
    this._closed = false
    this._outside = this._bind((data, from) => from.port === port && this._enter(data))
    // Stands for the destination where UDX itself sends and receives: that is not JavaScript.
    this._inside = null
  }

  leave(data, ttl) {
    if (ttl >= FAR) this._later(() => this._outside.send(data, this._port, HOST))
  }

  close() {
    this._closed = true
    this._outside.close()
    this._inside?.close()
  }

  _enter(data) {
    this._later(() => {
      if (data[0] === UDX_MAGIC) this._toStream(data)
      else this._socket.emit('message', data, { host: HOST, family: 4, port: this._port })
    })
  }

  _toStream(data) {
    this._inside ||= this._bind(data => this.leave(data, TTL))
    this._inside.send(data, this._socket.address().port, HOST)
  }

  _bind(onmessage) {
    const socket = dgram.createSocket('udp4')
    socket.on('error', noop)
    socket.on('message', onmessage)
    socket.bind(0, HOST)
    return socket
  }

  _later(act) {
    setTimeout(() => this._closed || act(), this._delay)
  }
}

const HOST = '127.0.0.1'

const UDX_MAGIC = 0xff

const TTL = 64

/** What has fewer hops to live opens the NAT and does not arrive. */
const FAR = 12

function noop() {}
