const { EventEmitter } = require('events')
const Server = require('./server')
const { checkNumber, checkUint } = require('../util/check')

/**
 * A blind relay: a server whose clients are paired with each other. Peers that name its public key
 * in `relayThrough` reach each other through it. It cannot read what it passes on.
 */
module.exports = class Relay extends EventEmitter {
  /**
   * @param {import('../..')} dht
   * @param {object} [opts] limits
   */
  constructor(dht, opts = {}) {
    super()
    this.dht = dht
    this._server = new Server(dht, {}, limits(opts))
    this._server.on('close', () => this.emit('close'))
    this._stats = NONE
  }

  get publicKey() {
    return this._server.publicKey
  }

  get listening() {
    return this._server.listening
  }

  get closed() {
    return this._server.closed
  }

  /** What the relay has counted. The latest numbers, once it is closed. */
  get stats() {
    const counted = this._server.inspect('relayStats')
    if (counted) this._stats = shape(counted)
    return this._stats
  }

  /** Announces the key pair. Resolves when peers can find the relay. */
  async listen(keyPair) {
    await this._server.listen(keyPair)
    this.emit('listening')
    return this
  }

  /** Unannounces the key pair, and ends all connections and pairs. */
  close() {
    void this.stats
    return this._server.close()
  }
}

function limits(opts) {
  const count = (name, otherwise) => Math.min(checkUint(name, opts[name] ?? otherwise), MAX)
  const rate = count('maxBytesPerSecond', 0)
  return {
    maxSessions: count('maxSessions', 4096),
    maxPairings: count('maxPairings', 4096),
    maxPairingsPerClient: count('maxPairingsPerClient', 256),
    maxRate: rate === 0 ? null : rate,
    idleTimeout: checkNumber('idleTimeout', opts.idleTimeout ?? 60_000, MAX)
  }
}

function shape(counted) {
  return {
    sessions: { accepted: counted.sessionsAccepted, active: counted.sessionsActive },
    pairings: {
      requested: counted.pairingsRequested,
      matched: counted.pairingsMatched,
      cancelled: counted.pairingsCancelled,
      pending: counted.pairingsPending,
      active: counted.pairingsActive
    },
    packets: counted.packets,
    bytes: counted.bytes,
    throttled: counted.throttled,
    refused: counted.refused
  }
}

const NONE = shape({
  sessionsAccepted: 0,
  sessionsActive: 0,
  pairingsRequested: 0,
  pairingsMatched: 0,
  pairingsCancelled: 0,
  pairingsPending: 0,
  pairingsActive: 0,
  packets: 0,
  bytes: 0,
  throttled: 0,
  refused: 0
})

/** The core's numbers have 32 bits on small machines. */
const MAX = 0x7fffffff
