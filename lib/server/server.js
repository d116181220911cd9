const { EventEmitter } = require('events')
const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const errors = require('../errors')
const { ALREADY_LISTENING, NODE_DESTROYED, KEYPAIR_ALREADY_USED } = require('../errors')
const Persistent = require('../persistent')
const { createKeyPair, hash } = require('../native/keys')
const { checkBytes, checkSigner, interval } = require('../util/options')
const deferred = require('../util/deferred')
const lifecycle = require('../dht/lifecycle')
const { refuse, refuseAssignment } = require('../util/unsupported')

/** Accepts connections to a key pair. */
module.exports = class Server extends EventEmitter {
  /** @param {import('../..')} dht */
  constructor(dht, opts = {}) {
    super()
    refuse(opts, UNSUPPORTED)

    this.dht = dht
    this.target = null
    this.closed = false
    this.suspended = false
    this.relayThrough = opts.relayThrough || null
    this.relayKeepAlive = opts.relayKeepAlive || 5000
    this.handshakeClearWait = opts.handshakeClearWait || HANDSHAKE_CLEAR_WAIT

    this._shareLocalAddress = opts.shareLocalAddress !== false
    this._reusableSocket = !!opts.reusableSocket
    this._neverPunch = opts.holepunch === false
    this._firewall = opts.firewall || admitAll
    this._holepunch = opts.holepunch || punchAll
    this._keyPair = null
    this._publicKey = null
    this._signers = null
    this._relayAddresses = []
    this._holepunches = []
    this._listening = null
    this._closing = null
    this._id = -1 // while the core knows it
    this._announced = null
    this._unannounced = null
    this._suspending = null
  }

  /** Whether a client is refused: (remotePublicKey, payload, address) => boolean or Promise. */
  get firewall() {
    return this._firewall
  }

  set firewall(fn) {
    this._firewall = fn || admitAll
    this._setHooks()
  }

  /** Whether to punch: (remoteFw, localFw, remoteAddresses, localAddresses) => boolean. */
  get holepunch() {
    return this._holepunch
  }

  set holepunch(fn) {
    this._holepunch = fn || punchAll
    this._setHooks()
  }

  get listening() {
    return this._listening !== null
  }

  get publicKey() {
    return this._publicKey
  }

  /** Nodes that clients may be told of, to find this server through. */
  get relayAddresses() {
    return this._relayAddresses
  }

  address() {
    if (this._keyPair === null) return null
    return { publicKey: this._publicKey, host: this.dht.host, port: this.dht.port }
  }

  /** Announces the key pair; resolves when clients can find it. */
  async listen(keyPair = this.dht.defaultKeyPair, opts) {
    if (this._listening !== null) throw ALREADY_LISTENING()
    if (this.dht.destroyed) throw NODE_DESTROYED()
    const signers = signersOf(keyPair, opts || {})

    this._signers = signers
    this._listening = this._listen(keyPair)
    await this._listening
    return this
  }

  /** Unannounces the key pair; connections stay open. */
  close() {
    if (this._closing === null) this._closing = this._close()
    return this._closing
  }

  /** Takes the announcement back and refuses clients; connections stay open. */
  suspend(opts) {
    return lifecycle.suspendServer(this, opts)
  }

  /** Announces again, in the background. */
  resume() {
    return lifecycle.resumeServer(this)
  }

  /** Announces again at the next cycle. */
  refresh() {
    if (this._id !== -1) this.dht._native.command('refreshServer', { server: this._id })
  }

  /** The core watches the network itself. */
  notifyOnline() {}

  onconnection(stream) {
    this.emit('connection', stream)
  }

  async _listen(keyPair) {
    // From here on the node closes this server when it is destroyed.
    this.dht.listening.add(this)
    try {
      await this.dht.bind()
      if (this._closing !== null) return this._gone()
      for (const server of this.dht.listening) {
        if (server.publicKey && b4a.equals(server.publicKey, keyPair.publicKey)) {
          throw KEYPAIR_ALREADY_USED()
        }
      }
      this.target = hash(keyPair.publicKey)
      this._keyPair = keyPair
      this._publicKey = b4a.toBuffer(keyPair.publicKey)
      await this._announce(keyPair)
    } catch (err) {
      this._gone()
      this._listening = null
      throw err
    }

    if (this._closing !== null) return
    if (this.dht.destroyed) throw NODE_DESTROYED()
    this.emit('listening')
  }

  _announce(keyPair) {
    const options = {
      secretKey: keyPair.secretKey || createKeyPair().secretKey, // who signs elsewhere is deaf
      announces: this._signers && keyPair.publicKey,
      ...this._hooks(),
      holepunch: !this._neverPunch,
      shareLocalAddress: this._shareLocalAddress,
      handshakeClearWait: interval(this.handshakeClearWait)
    }
    this.dht._servers.begin(this, server => {
      this.dht._native.command('listen', { server, ...options })
      this._id = server
    })
    this._announced = deferred()
    if (this.suspended) lifecycle.commandSuspension(this)
    return this._announced.promise
  }

  async _close() {
    if (this._listening !== null) {
      const unannounced = this._unannounce()
      await this._listening.catch(noop)
      await unannounced
    }
    this._gone()
    this._listening = null
    this.closed = true
    this.emit('close')
  }

  _unannounce() {
    if (this._id === -1) return
    this._unannounced = deferred()
    this.dht._native.command('closeServer', { server: this._id })
    return this._unannounced.promise
  }

  _gone() {
    this.dht.listening.delete(this)
    this.dht._servers.delete(this._id)
    this._id = -1
    this._keyPair = null
    this._publicKey = null
    this._relayAddresses = []
    lifecycle.settleServer(this)
  }

  _command(name) {
    if (this._id !== -1) this.dht._native.command(name, { server: this._id })
  }

  _hooks() {
    return {
      askFirewall: this._firewall !== admitAll,
      askHolepunch: this._holepunch !== punchAll
    }
  }

  _setHooks() {
    if (this._id === -1) return
    const { askFirewall, askHolepunch } = this._hooks()
    this.dht._native.command('setHooks', {
      server: this._id,
      firewall: askFirewall,
      holepunch: askHolepunch
    })
  }

  // What the core says.

  _onlistening() {
    this._announced.resolve()
  }

  _onfailed(failure) {
    this._announced.reject(errors.from(failure))
  }

  _onrelays(relays) {
    this._relayAddresses = relays
  }

  _onsuspended() {
    this.suspended = true
    lifecycle.settleServer(this)
  }

  /** Unannounced, or gone with its node: with an error if that has failed. */
  _onclosed(err = null) {
    this.dht._servers.delete(this._id)
    this._id = -1
    if (this._announced !== null) deferred.settle(this._announced, err)
    if (this._unannounced !== null) this._unannounced.resolve()
    lifecycle.settleServer(this, err)
  }

  /** Whether a client that has been asked about comes too late. */
  _refuses() {
    return this._id === -1 || this._closing !== null || this.suspended
  }

  /** Whether there is a hook for this question of the core. */
  _asks({ kind }) {
    return kind === 'firewall' ? this._firewall !== admitAll : this._holepunch !== punchAll
  }

  async _onfirewall({ remotePublicKey, payload, address }) {
    return !(await this._firewall(remotePublicKey, c.decode(m.noisePayload, payload), address))
  }

  /** Null if there is no signature: then the node is left out. */
  async _onsign({ announces, target, token, id }) {
    const keyPair = this._keyPair
    if (keyPair === null) return null
    const peer = { publicKey: keyPair.publicKey, relayAddresses: [] }
    const announce = { peer, refresh: null, signature: null }
    const name = announces ? 'signAnnounce' : 'signUnannounce'
    try {
      const signature = await this._signers[name](target, token, id, announce, keyPair)
      return checkBytes('signature', signature, 64)
    } catch {
      return null
    }
  }

  _onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    return this._holepunch(remoteFirewall, localFirewall, remoteAddresses, localAddresses)
  }
}

const UNSUPPORTED = ['pool', 'createHandshake', 'createSecretStream']
refuseAssignment(module.exports.prototype, 'server', UNSUPPORTED)

/** Milliseconds for which a finished handshake keeps its slot. */
const HANDSHAKE_CLEAR_WAIT = 10000

// Null if the core signs with the secret key.
function signersOf(keyPair, { signAnnounce, signUnannounce }) {
  const announce = checkSigner('signAnnounce', keyPair, signAnnounce, Persistent.signAnnounce)
  const unannounce = checkSigner(
    'signUnannounce',
    keyPair,
    signUnannounce,
    Persistent.signUnannounce
  )
  if (announce === null && unannounce === null) return null
  return {
    signAnnounce: announce || Persistent.signAnnounce,
    signUnannounce: unannounce || Persistent.signUnannounce
  }
}

function admitAll() {
  return false
}

function punchAll() {
  return true
}

function noop() {}
