// Signatures of announcements and of mutable records. The signature of an announcement is valid for
// one node, and for the token that the node gave. The core does the storing.
//
// A key pair signs with its `sign` function if it has one, else with its secret key. The functions
// also take a secret key instead of a key pair.

const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('./messages')
const { NS } = require('./constants')
const { hash, sign, verify } = require('./native/keys')

/**
 * @param {number} seq
 * @param {Uint8Array} value
 */
exports.signMutable = function signMutable(seq, value, keyPair) {
  return signWith(keyPair, mutableSignable(seq, value))
}

/** @returns {boolean} */
exports.verifyMutable = function verifyMutable(signature, seq, value, publicKey) {
  return verify(signature, mutableSignable(seq, value), publicKey)
}

/**
 * @param {Uint8Array} target
 * @param {Uint8Array} token of the node's reply
 * @param {Uint8Array} id of the node
 * @param {object} announce as of lib/messages, without its signature
 */
exports.signAnnounce = function signAnnounce(target, token, id, announce, keyPair) {
  return signWith(keyPair, announceSignable(NS.ANNOUNCE, target, token, id, announce))
}

/** The same for an unannounce. */
exports.signUnannounce = function signUnannounce(target, token, id, announce, keyPair) {
  return signWith(keyPair, announceSignable(NS.UNANNOUNCE, target, token, id, announce))
}

function mutableSignable(seq, value) {
  return b4a.concat([NS.MUTABLE_PUT, hash(c.encode(m.mutableSignable, { seq, value }))])
}

function announceSignable(namespace, target, token, id, { peer, refresh }) {
  const parts = [target, id, token, c.encode(m.peer, peer)]
  if (refresh) parts.push(refresh)
  return b4a.concat([namespace, hash(b4a.concat(parts))])
}

function signWith(keyPair, signable) {
  if (keyPair.sign) return keyPair.sign(signable)
  return sign(signable, keyPair.secretKey || keyPair)
}
