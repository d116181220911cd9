const { EventEmitter } = require('events')
const b4a = require('b4a')
const { DUPLICATE_CONNECTION } = require('./errors')

/**
 * Keeps at most one connection to each peer. The connections are those of its servers, and those
 * that were made with the option `pool`.
 */
module.exports = class ConnectionPool extends EventEmitter {
  /** @param {import('..')} dht */
  constructor(dht) {
    super()
    this._dht = dht
    this._connecting = new Map() // references by the peer's key in hex, and so below
    this._connections = new Map()
  }

  /** The number of connections that are not open yet. */
  get connecting() {
    return this._connecting.size
  }

  /** References to the open connections. */
  get connections() {
    return this._connections.values()
  }

  has(publicKey) {
    return this._find(publicKey) !== null
  }

  /** The connection to a peer, open or not. Null if there is none. */
  get(publicKey) {
    return this._find(publicKey)?.stream || null
  }

  /** Takes the connections that a server accepts. */
  attachServer(server) {
    const take = stream => this._take(stream, true)
    server.on('connection', take)
    server.once('close', () => server.off('connection', take))
  }

  /** Takes a connection that is being made. */
  attachStream(stream) {
    this._take(stream, false)
  }

  // Both ends keep the same one of two connections, whichever of them comes first at each end.
  _take(stream, isOpen) {
    const existing = this.get(stream.remotePublicKey)
    if (existing === null) return this._add(stream, isOpen)
    const wins = b4a.compare(stream.publicKey, stream.remotePublicKey) > 0
    if (stream.isInitiator === existing.isInitiator || wins) this._replace(existing, stream, isOpen)
    else stream.on('error', noop).destroy(DUPLICATE_CONNECTION())
  }

  // The new connection is taken when the old one has closed, unless it has closed meanwhile.
  _replace(existing, stream, isOpen) {
    let isGone = false
    const onclose = () => {
      isGone = true
    }
    stream.on('error', noop).on('close', onclose)
    existing.on('error', noop).on('close', () => {
      if (isGone) return
      stream.off('error', noop).off('close', onclose)
      this._take(stream, isOpen || stream.connected)
    })
    existing.destroy(DUPLICATE_CONNECTION())
  }

  _add(stream, isOpen) {
    const ref = new ConnectionRef(stream)
    const key = b4a.toString(stream.remotePublicKey, 'hex')
    if (isOpen) return this._open(key, ref)

    this._connecting.set(key, ref)
    const onclose = () => this._connecting.delete(key)
    stream.on('error', noop).on('close', onclose)
    stream.on('open', () => {
      this._connecting.delete(key)
      stream.off('error', noop).off('close', onclose)
      this._open(key, ref)
    })
  }

  _open(key, ref) {
    this._connections.set(key, ref)
    ref.stream.on('close', () => this._connections.delete(key))
    this.emit('connection', ref.stream, ref)
  }

  _find(publicKey) {
    const key = b4a.toString(publicKey, 'hex')
    return this._connections.get(key) || this._connecting.get(key) || null
  }
}

/** A connection of a pool, and the number of its users, which the users count. */
class ConnectionRef {
  constructor(stream) {
    this.stream = stream
    this._users = 0
  }

  active() {
    this._users++
  }

  inactive() {
    this._users--
  }

  release() {
    this.stream.destroy()
  }
}

function noop() {}
