const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const { createKeyPair } = require('../native/keys')
const { isBytes } = require('../util/bytes')

/**
 * A handshake that a program makes: its messages, and the keys that follow from them. The core
 * asks for one message at a time.
 */
module.exports = class ForeignHandshake {
  /**
   * @param {{ send: Function, recv: Function, final: Function, remotePublicKey?: Uint8Array }} maker
   *   what `createHandshake` has returned
   * @param {boolean} hasStream whether the program makes the secret stream too, so that the core
   *   does not need its keys
   */
  constructor(maker, hasStream) {
    /** What `final` has returned. Null before. */
    this.result = null

    this._maker = maker
    this._hasStream = hasStream
  }

  /** The peer's public key. Null if the handshake does not prove one, or not yet. */
  get remotePublicKey() {
    return this._maker.remotePublicKey || null
  }

  /** Makes a message from an encoded payload. */
  async write(payload) {
    const message = await this._maker.send(c.decode(m.noisePayload, payload))
    if (!isBytes(message)) throw new TypeError('A handshake message must be a buffer')
    return message
  }

  /** Reads a message of the peer. Returns the payload, which a program may have extended. */
  async read(message) {
    const payload = await this._maker.recv(message)
    if (!payload) throw new Error('The handshake message has no payload')
    return payload
  }

  /** Ends the handshake. Returns the keys for the core. */
  finish() {
    this.result = this._maker.final()
    return this._hasStream ? someKeys(this.result) : allKeys(this.result)
  }

  /**
   * The answer to a question of the core about a message, on the connecting side.
   *
   * @param {object} question as of border.js
   */
  async answer({ kind, payload: encoded, message }) {
    if (kind === 'writeHandshake') return wrote(await this.write(encoded), null)
    const payload = await this.read(message)
    return this.toRead(payload, isAccepted(payload) ? this.finish() : null)
  }

  /** The answer that tells the core what a message says. */
  toRead(payload, keys, relay = null) {
    const known = this.remotePublicKey
    const remotePublicKey = isBytes(known) && known.byteLength === KEY ? b4a.toBuffer(known) : null
    const foreign = this._hasStream ? 'everything' : 'handshake'
    const handshake = { payload: encode(payload), remotePublicKey, relay, keys, foreign }
    return { kind: 'read', handshake }
  }
}

/** The answer that gives the core a message. */
function wrote(message, keys) {
  return { kind: 'wrote', handshake: { message: b4a.toBuffer(message), keys } }
}
module.exports.wrote = wrote

// The content of another version is unknown.
function encode(payload) {
  const { version } = payload
  if (version === undefined || version === VERSION) return c.encode(m.noisePayload, payload)
  return c.encode(c.uint, version)
}

// Whether the server lets us in. Otherwise a handshake has no keys.
function isAccepted({ version, error, udx }) {
  return version === VERSION && error === 0 && !!udx
}

function allKeys({ hash, rx, tx, holepunchSecret }) {
  return {
    hash: part('hash', hash, HASH),
    rx: part('rx', rx, KEY),
    tx: part('tx', tx, KEY),
    holepunchSecret: part('holepunchSecret', holepunchSecret, KEY)
  }
}

// Without the peer's secret no punch succeeds.
function someKeys({ holepunchSecret }) {
  return {
    hash: b4a.alloc(HASH),
    rx: b4a.alloc(KEY),
    tx: b4a.alloc(KEY),
    holepunchSecret: part('holepunchSecret', holepunchSecret || randomKey(), KEY)
  }
}

// The secret stream of the npm module reads the beginning of longer keys, too.
function part(name, value, size) {
  if (!isBytes(value) || value.byteLength < size) {
    throw new TypeError(`${name} of a handshake must be a buffer of ${size} bytes`)
  }
  return b4a.toBuffer(value).subarray(0, size)
}

function randomKey() {
  return createKeyPair().publicKey
}

/** The version of handshake payloads. */
const VERSION = 1

const HASH = 64
const KEY = 32
