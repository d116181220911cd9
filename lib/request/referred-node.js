const c = require('compact-encoding')
const { address } = require('../native/encodings')
const { hash } = require('../native/keys')

/** A node that a reply to a query names. Its id is hashed at the first read: few are read. */
class ReferredNode {
  constructor({ host, port }) {
    this.host = host
    this.port = port
  }

  get id() {
    this.id = hash(c.encode(address, this))
    return this.id
  }

  set id(value) {
    Object.defineProperty(this, 'id', {
      value,
      enumerable: true,
      writable: true,
      configurable: true
    })
  }
}

module.exports = ReferredNode
