// Damages what nodes of the reference send and receive: a flipped bit, or a datagram cut short.
// Packets of UDX pass, so that only the DHT is put to the test.

const b4a = require('b4a')
const IO = require('dht-rpc/lib/io')
const UDXSocket = require('udx-native/lib/socket')
const { generator } = require('./random')

/**
 * From here on a share `rate` of the datagrams of all nodes in this process is damaged.
 *
 * @returns {{ damaged: number }} how many there were
 */
module.exports = function damage({ rate, seed }) {
  const random = generator(seed)
  const count = { damaged: 0 }
  const { trySend } = UDXSocket.prototype
  const { onmessage } = IO.prototype

  UDXSocket.prototype.trySend = function (buffer, ...to) {
    return trySend.call(this, pass(buffer), ...to)
  }
  IO.prototype.onmessage = function (socket, buffer, from) {
    return onmessage.call(this, socket, pass(buffer), from)
  }
  return count

  function pass(buffer) {
    if (buffer.byteLength === 0 || buffer[0] === UDX_MAGIC || random() >= rate) return buffer
    count.damaged++
    return random() < 0.5 ? flip(buffer, random) : cut(buffer, random)
  }
}

function flip(buffer, random) {
  const copy = b4a.from(buffer)
  copy[at(copy, random)] ^= 1 << Math.floor(random() * 8)
  return copy
}

function cut(buffer, random) {
  return buffer.subarray(0, at(buffer, random))
}

function at(buffer, random) {
  return Math.floor(random() * buffer.byteLength)
}

const UDX_MAGIC = 0xff
