const { EventEmitter } = require('events')
const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const errors = require('../errors')
const { ALREADY_LISTENING, NODE_DESTROYED, KEYPAIR_ALREADY_USED } = require('../errors')
const { createKeyPair, hash } = require('../native/keys')
const { checkFunction, checkPool, interval } = require('../util/check')
const deferred = require('../util/deferred')
const Encryption = require('./encryption')
const Suspension = require('./suspension')
const { accept } = require('./accept')
const toHolepunch = require('./holepunch')
const { relayOf } = require('./hooks')
const { sign, signersOf } = require('./signers')
const { internalsOf } = require('../util/internals')
const { checkRelays, pickRelay, relaysOf } = require('../util/relay-through')

/** A server: announces a key pair and accepts connections to it. */
module.exports = class Server extends EventEmitter {
  /**
   * @param {import('../..')} dht
   * @param {object} [opts]
   * @param {object} [relayLimits] makes a blind relay of the server, whose connections belong to
   *   the core
   */
  constructor(dht, opts = {}, relayLimits = null) {
    super()

    this.dht = dht
    this.target = null
    this.closed = false
    this.suspended = false
    this.relayKeepAlive = opts.relayKeepAlive || 5000
    /** Takes the connections, from `listen` on. */
    this.pool = checkPool(opts.pool)
    this.handshakeClearWait = opts.handshakeClearWait || HANDSHAKE_CLEAR_WAIT

    this._shareLocalAddress = opts.shareLocalAddress !== false
    this._reusableSocket = !!opts.reusableSocket
    this._neverPunch = opts.holepunch === false
    this._relayThrough = checkRelays(opts.relayThrough)
    this._relayLimits = relayLimits
    this._firewall = checkFunction('firewall', opts.firewall) || admitAll
    this._holepunch = checkFunction('holepunch', opts.holepunch) || punchAll
    this._encryption = new Encryption(opts)
    this._keyPair = null
    this._publicKey = null
    this._signers = null
    this._relayAddresses = []
    this._listening = null
    this._closing = null
    this._id = -1 // set while the core knows the server
    this._announced = null
    this._unannounced = null
    this._suspension = new Suspension()
    this._internals = internalsOf(dht)
  }

  /** Decides whether to refuse a client: (publicKey, payload, address) => boolean or Promise. */
  get firewall() {
    return this._firewall
  }

  set firewall(fn) {
    this._firewall = checkFunction('firewall', fn) || admitAll
    this._setHooks()
  }

  /** Decides whether to punch: (remoteFw, localFw, remoteAddresses, localAddresses) => boolean. */
  get holepunch() {
    return this._holepunch
  }

  set holepunch(fn) {
    this._holepunch = checkFunction('holepunch', fn) || punchAll
    this._setHooks()
  }

  /** Makes the handshake of each client: (keyPair, null) => a NoiseWrap, or an object like it. */
  get createHandshake() {
    return this._encryption.createHandshake
  }

  set createHandshake(fn) {
    this._encryption.createHandshake = fn
    this._setHooks()
  }

  /** Makes the secret stream of each client: (isInitiator, rawStream, opts) => stream or null. */
  get createSecretStream() {
    return this._encryption.createSecretStream
  }

  set createSecretStream(fn) {
    this._encryption.createSecretStream = fn
    this._setHooks()
  }

  /** The blind relays that clients are offered: a key, a list of keys, or a function. */
  get relayThrough() {
    return this._relayThrough
  }

  set relayThrough(value) {
    this._relayThrough = checkRelays(value)
    const { relayThrough, askRelay } = this._relays()
    this._command('setRelayThrough', { relayThrough, ask: askRelay })
  }

  get listening() {
    return this._listening !== null
  }

  get publicKey() {
    return this._publicKey
  }

  /** Nodes through which clients can find this server. */
  get relayAddresses() {
    return this._relayAddresses
  }

  /**
   * The handshakes of clients by their numbers, as programs read them. A handshake that has ended
   * is null when the server has forgotten it.
   */
  get _holepunches() {
    if (this._id === -1) return []
    const handshakes = this._internals.native.inspect('handshakes', this._id) || []
    return handshakes.map(toHolepunch)
  }

  address() {
    if (this._keyPair === null) return null
    return { publicKey: this._publicKey, host: this.dht.host, port: this.dht.port }
  }

  /** Announces the key pair. Resolves when clients can find it. */
  async listen(keyPair = this.dht.defaultKeyPair, opts) {
    if (this._listening !== null) throw ALREADY_LISTENING()
    if (this.dht.destroyed) throw NODE_DESTROYED()
    const signers = signersOf(keyPair, opts || {})

    this._signers = signers
    this._listening = this._listen(keyPair)
    await this._listening
    return this
  }

  /** Unannounces the key pair. Connections stay open. */
  close() {
    if (this._closing === null) this._closing = this._close()
    return this._closing
  }

  /** Unannounces the key pair and refuses clients, until `resume`. Connections stay open. */
  async suspend({ log = noop } = {}) {
    const announced = this.listening && !this.suspended && !this.dht.destroyed
    log('Suspending hyperdht server')
    this.suspended = true
    // begins before the next log, which may throw
    const suspension = announced ? this._suspend() : this._suspension.promise
    log('Suspending hyperdht server (post listening)')
    if (!announced) return suspension
    log('Suspending announcer')
    log('Suspending announcer (post update)')
    log('Suspending announcer (pre unannounce)')
    await suspension
    log('Suspending announcer (post unannounce)')
  }

  /** Announces again, in the background. */
  async resume() {
    this.suspended = false
    this._suspension.settle()
    this._command('resumeServer')
  }

  /** Announces again in the next cycle of the announcer. */
  refresh() {
    this._command('refreshServer')
  }

  /** Does nothing: the core watches the network. */
  notifyOnline() {}

  /** What the core tells of this server. Null unless the core knows the server. */
  inspect(question) {
    return this._id === -1 ? null : this._internals.native.inspect(question, this._id)
  }

  onconnection(stream) {
    this.emit('connection', stream)
  }

  async _listen(keyPair) {
    // the node closes this server when it is destroyed
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
    if (this.pool) this.pool.attachServer(this)
    this.emit('listening')
  }

  _announce(keyPair) {
    const options = {
      // a server whose key signs elsewhere does not answer handshakes
      secretKey: keyPair.secretKey || createKeyPair().secretKey,
      announces: this._signers && keyPair.publicKey,
      ...this._hooks(),
      ...this._relays(),
      relayKeepAlive: interval(this.relayKeepAlive),
      relay: this._relayLimits,
      holepunch: !this._neverPunch,
      shareLocalAddress: this._shareLocalAddress,
      handshakeClearWait: interval(this.handshakeClearWait),
      reusableSocket: this._reusableSocket
    }
    const { native, servers } = this._internals
    this._announced = deferred()
    servers.begin(this._handlers(), server => {
      native.together(() => {
        native.command('listen', { server, options })
        this._id = server
        // before the core announces anything
        if (this.suspended) this._suspend()
      })
    })
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
    this._command('closeServer')
    return this._unannounced.promise
  }

  _gone() {
    this.dht.listening.delete(this)
    this._internals.servers.delete(this._id)
    this._id = -1
    this._keyPair = null
    this._publicKey = null
    this._relayAddresses = []
    this._suspension.settle()
  }

  _suspend() {
    const suspension = this._suspension.begin()
    this._command('suspendServer')
    return suspension
  }

  _command(name, fields) {
    if (this._id !== -1) this._internals.native.command(name, { server: this._id, ...fields })
  }

  _hooks() {
    return {
      askFirewall: this._firewall !== admitAll,
      askHolepunch: this._holepunch !== punchAll,
      askHandshake: this._encryption.isForeign
    }
  }

  _relays() {
    return {
      relayThrough: relaysOf(this._relayThrough),
      askRelay: typeof this._relayThrough === 'function'
    }
  }

  _setHooks() {
    const { askFirewall: firewall, askHolepunch: holepunch, askHandshake } = this._hooks()
    this._command('setHooks', { firewall, holepunch, handshake: askHandshake })
  }

  // Events of the core.

  _handlers() {
    return {
      onlistening: () => this._announced.resolve(),
      onfailed: failure => this._announced.reject(errors.from(failure)),
      onrelays: relays => {
        this._relayAddresses = relays
      },
      onsuspended: () => {
        this.suspended = true
        this._suspension.settle()
      },
      onclosed: err => this._onclosed(err),
      onconnection: accepted => this._onconnection(accepted),
      onfirewall: question => this._onfirewall(question),
      onhandshake: question => this._onhandshake(question),
      onrelay: () => this._onrelay(),
      onsign: wanted => this._keyPair && sign(this._signers, this._keyPair, wanted),
      onholepunch: question => this._onholepunch(question)
    }
  }

  /** The core has forgotten this server. `err` is null unless the core has failed. */
  _onclosed(err) {
    this._internals.servers.delete(this._id)
    this._id = -1
    if (this._announced !== null) deferred.settle(this._announced, err)
    if (this._unannounced !== null) this._unannounced.resolve()
    this._suspension.settle(err)
  }

  _onconnection(accepted) {
    const server = {
      publicKey: this._publicKey,
      asks: question => this._asks(question),
      refuses: () => this._refuses(),
      onconnection: stream => this.onconnection(stream)
    }
    accept(this._internals, server, accepted)
  }

  /** Whether a client that was asked about comes too late. */
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

  /** Begins the handshake of a client, and decides on the client. */
  _onhandshake({ server, conn, message, address }) {
    const client = this._encryption.begin(this._keyPair)
    this._internals.connections.set(conn, client)
    const isRefused = async (publicKey, payload) => {
      if (this._refuses()) return true
      if (this._firewall !== admitAll) return this._firewall(publicKey, payload, address)
      client.leaveUnasked({ kind: 'firewall', server, address })
      return false
    }
    return client.read(message, isRefused, () => relayOf(this._internals, server))
  }

  /** The blind relay for a client that was let in, if a function decides on it. */
  _onrelay() {
    return typeof this._relayThrough === 'function' ? pickRelay(this._relayThrough) : null
  }

  _onholepunch({ remoteFirewall, localFirewall, remoteAddresses, localAddresses }) {
    return this._holepunch(remoteFirewall, localFirewall, remoteAddresses, localAddresses)
  }
}

/** Milliseconds for which a finished handshake occupies its slot. */
const HANDSHAKE_CLEAR_WAIT = 10000

function admitAll() {
  return false
}

function punchAll() {
  return true
}

function noop() {}
