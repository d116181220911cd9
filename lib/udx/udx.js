const NetworkInterfaces = require('./network-interfaces')
const Sockets = require('./sockets')
const UDXSocket = require('./socket')
const ip = require('./ip')
const { Engine, NodeEngine, engineOf, keepEngine } = require('./engine')
const { Measurement, NO_TRAFFIC } = require('./measurement')
const { keepMeasurement, showNumbers } = require('./measurement')
const { checkFunction } = require('../util/check')
const lazily = require('../util/lazily')

const streams = lazily(() => require('./stream'))

/** UDX streams, and the sockets that carry them. */
module.exports = class UDX {
  /** @param {{ protect?: (fd: number) => unknown }} [opts] */
  constructor(opts = {}) {
    keepEngine(this, ownEngine(this, checkFunction('protect', opts?.protect)))
    const measure = () => engineOf(this).measure()
    keepMeasurement(this, new Measurement({ measure }, NO_TRAFFIC))
  }

  static isIPv4(host) {
    return ip.isIPv4(host)
  }

  static isIPv6(host) {
    return ip.isIPv6(host)
  }

  /** The family of an address, 4 or 6; 0 if the text is not an address. */
  static isIP(host) {
    return ip.isIP(host)
  }

  createSocket(opts) {
    return new UDXSocket(this, opts)
  }

  createStream(id, opts) {
    const UDXStream = streams()
    return new UDXStream(this, id, opts)
  }

  /**
   * Resolves a name.
   *
   * @param {string} host
   * @param {{ family?: number }} [opts] 4 or 6 for an address of that family
   * @returns {Promise<{ host: string, family: number }>}
   */
  async lookup(host, { family = 0 } = {}) {
    if (typeof host !== 'string') throw new TypeError('host must be a string')
    const engine = engineOf(this)
    const { holds, lookups, native } = engine.use()
    holds.add()
    try {
      const address = await new Promise(resolve => {
        const lookup = lookups.add(resolve)
        native.command('host', { command: { kind: 'lookup', lookup, host, family } })
      })
      if (address === null) throw notFound()
      return { host: address, family: ip.isIP(address) }
    } finally {
      holds.remove()
      engine.release()
    }
  }

  /** The addresses of this host. */
  networkInterfaces() {
    return new NetworkInterfaces(engineOf(this)).interfaces
  }

  /** Watches the addresses of this host. */
  watchNetworkInterfaces(onchange) {
    const watcher = new NetworkInterfaces(engineOf(this))
    if (onchange) watcher.on('change', onchange)
    return watcher.watch()
  }
}

/**
 * Gives a node the engine of an instance, unless something uses that already: then the node has
 * another one.
 *
 * @param {UDX} udx
 * @param {object} parts the internals of the node
 * @returns {NodeEngine} the engine of the node
 */
module.exports.adopt = function adopt(udx, parts) {
  const former = engineOf(udx)
  const past = former.isFree ? former.measure() : NO_TRAFFIC
  const engine = new NodeEngine(parts, former.protect, past)
  if (former.isFree) keepEngine(udx, engine)
  return engine
}

/** The node has closed: its instance can be used again. */
module.exports.leave = function leave(udx, engine) {
  if (engineOf(udx) !== engine) return
  keepEngine(udx, ownEngine(udx, engine.protect, engine.measure()))
}

function ownEngine(udx, protect, past) {
  return new Engine((native, holds) => new Sockets(native, udx, holds), protect, past)
}

showNumbers(module.exports, NO_TRAFFIC)

function notFound() {
  const err = new Error('unknown node or service')
  err.code = 'EAI_NONAME'
  return err
}
