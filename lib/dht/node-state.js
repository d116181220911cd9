const { Persistent } = require('./views')

/**
 * The fields by which a node shows its state to programs, such as `dht.suspended` and `dht.host`.
 * Only this module writes them.
 */
module.exports = class NodeState {
  /**
   * @param {import('./rpc')} dht
   * @param {object} config of the engine
   */
  constructor(dht, { adaptive, firewalled, publicAddress }) {
    dht.bootstrapped = false
    dht.destroyed = false
    dht.suspended = false
    dht.ephemeral = true
    /** Our address as other nodes see it. The port is 0 while it is unknown, or differs by node. */
    dht.host = publicAddress?.host || null
    dht.port = publicAddress?.port || 0
    dht.adaptive = adaptive
    dht.firewalled = firewalled
    dht.online = true
    dht.degraded = false

    /** The records that the node stores for others. Null before the node is persistent. */
    this.persistent = null
    this._dht = dht
    this._id = null
  }

  /** Our id in the routing tables of other nodes. Null while the node is ephemeral. */
  get id() {
    return this._dht.ephemeral ? null : this._id
  }

  onbootstrapped() {
    this._dht.bootstrapped = true
  }

  onsuspended() {
    this._dht.suspended = true
  }

  onresumed() {
    this._dht.suspended = false
  }

  ondestroyed() {
    this._dht.destroyed = true
  }

  /** Other nodes have stored us under `id`, and the node stores records for others. */
  onpersistent(id, native) {
    this._id = id
    this.persistent ||= new Persistent(native)
    this._dht.ephemeral = false
  }

  onephemeral() {
    this._dht.ephemeral = true
  }

  onaddress({ host, port }) {
    this._dht.host = host
    this._dht.port = port
  }

  onnotfirewalled() {
    this._dht.firewalled = false
  }

  onhealth({ online, degraded }) {
    this._dht.online = online
    this._dht.degraded = degraded
  }
}
