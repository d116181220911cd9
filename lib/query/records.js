// Immutable and mutable records: found by a walk, stored at the nodes closest to their hash.

const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const { isBytes } = require('../util/bytes')
const { copy } = require('../native/own-bytes')
const { mapImmutable, mapMutable } = require('./query')
const { COMMANDS } = require('../constants')
const { hash } = require('../native/keys')
const { checkBytes, checkFunction, checkSigner, checkUint } = require('../util/options')
const { isReplaced, search } = require('./replaced')
const { signMutable, verifyMutable } = require('../persistent')

/** Stores bytes under their hash. */
exports.immutablePut = async function immutablePut(dht, bytes, opts) {
  const value = ownRecord(bytes)
  const target = hash(value)
  const put = { command: COMMANDS.IMMUTABLE_PUT, value }
  checkSize(dht, put.value, value)

  const query = walk(dht, { target, map: mapImmutable, ...GET_IMMUTABLE, put }, opts)
  await query.finished()
  return { hash: target, closestNodes: query.closestNodes }
}

/** The first bytes that have this hash; null if nobody has them. */
exports.immutableGet = async function immutableGet(dht, target, opts) {
  const query = walk(dht, { target, map: mapImmutable, ...GET_IMMUTABLE }, opts)
  for await (const found of query) {
    if (b4a.equals(hash(found.value), target)) return found
  }
  return null
}

/** Signs and stores a record under the hash of a public key. */
exports.mutablePut = async function mutablePut(dht, keyPair, bytes, opts) {
  const sign = checkSigner('signMutable', keyPair, opts.signMutable, signMutable) || signMutable
  const value = ownRecord(bytes)
  const { publicKey } = keyPair
  const seq = checkUint('seq', opts.seq || 0)
  const signature = checkBytes('signature', await sign(seq, value, keyPair), 64)
  const put = putMutable({ publicKey, seq, value, signature })
  checkSize(dht, put.value, value)

  // whatever is stored is of no interest
  const get = { command: COMMANDS.MUTABLE_GET, value: c.encode(c.uint, 0) }
  const query = walk(dht, { target: hash(publicKey), map: mapMutable, ...get, put }, opts)
  await query.finished()
  return { publicKey: b4a.toBuffer(publicKey), closestNodes: query.closestNodes, seq, signature }
}

/** The latest record of a public key, or the first that is found; null if nobody has one. */
exports.mutableGet = async function mutableGet(dht, publicKey, opts) {
  checkBytes('publicKey', publicKey, 32)
  const seq = checkUint('seq', opts.seq || 0)
  const refresh = checkFunction('refresh', opts.refresh)
  const latest = opts.latest !== false
  let result = null

  const commit = refresh && refresher(refresh, publicKey, () => result)
  const get = { command: COMMANDS.MUTABLE_GET, value: c.encode(c.uint, seq), commit }
  const query = walk(dht, { target: hash(publicKey), map: mapMutable, ...get }, opts)

  for await (const found of query) {
    if (found.seq < seq || (result !== null && found.seq <= result.seq)) continue
    if (!verifyMutable(found.signature, found.seq, found.value, publicKey)) continue
    if (!latest) return found
    result = found
  }
  return result
}

const GET_IMMUTABLE = { command: COMMANDS.IMMUTABLE_GET, value: null }

// A walk that tells of records only. The core stores `put` at its end.
function walk(dht, { put = null, ...what }, opts) {
  const { command, value } = what
  const byCore = put !== null && !isReplaced(dht, 'query', 'request')
  if (put !== null) what.commit = byCore ? null : storer(put)
  const start = ['userQuery', { command, value, commit: byCore ? put : null, onlyValues: true }]
  return search(dht, { ...what, start }, opts)
}

// A commit that stores at one node.
function storer(put) {
  return ({ token, from }, dht, { target }) => dht.request({ token, target, ...put }, from)
}

function putMutable(record) {
  return { command: COMMANDS.MUTABLE_PUT, value: c.encode(m.mutablePutRequest, record) }
}

// A commit that stores what was found where it is missing, if the program wants that.
function refresher(refresh, publicKey, found) {
  let asked = false
  let put = null

  return async function commit({ token, from }, dht, { target }) {
    const result = found()
    if (!asked && result !== null) {
      asked = true
      if (refresh(result)) put = putMutable({ publicKey, ...result })
    }
    return put && dht.request({ token, target, ...put }, from)
  }
}

// The value as it is at the call: the program may change it, or give its memory away.
function ownRecord(value) {
  if (!isBytes(value)) throw new TypeError('value must be a buffer')
  return copy(value)
}

// More would be cut off, and no node would answer.
function checkSize(dht, payload, value) {
  const room = DATAGRAM - REQUEST_HEAD - (dht.ephemeral ? 0 : ID)
  const over = payload.byteLength - room
  if (over > 0) throw new RangeError(`value must be at most ${value.byteLength - over} bytes`)
}

/** Bytes of a datagram that nodes of the reference read. */
const DATAGRAM = 2048

/** Kind, flags, transaction, destination, token, command, target, and the length of the value. */
const REQUEST_HEAD = 1 + 1 + 2 + 6 + 32 + 1 + 32 + 3

/** Told in requests by nodes that are in routing tables. */
const ID = 32
