// Immutable and mutable records. A query finds them; they are stored at the nodes closest to their
// target.

const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const { isBytes } = require('../util/bytes')
const { copy } = require('../native/own-bytes')
const { mapImmutable, mapMutable, userQuery } = require('./query')
const { COMMANDS } = require('../constants')
const { hash } = require('../native/keys')
const { checkBytes, checkFunction, checkSigner, checkUint } = require('../util/check')
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

/** Returns the first bytes that have this hash. Null if no node has them. */
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

  // asks for any stored record: only the tokens of the replies are needed
  const get = { command: COMMANDS.MUTABLE_GET, value: c.encode(c.uint, 0) }
  const query = walk(dht, { target: hash(publicKey), map: mapMutable, ...get, put }, opts)
  await query.finished()
  return { publicKey: b4a.toBuffer(publicKey), closestNodes: query.closestNodes, seq, signature }
}

/** Returns the latest record of a public key, or the first that is found. Null if there is none. */
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

// A query that yields only replies with records, and stores `put` at its end. Completes `what`,
// which is the caller's own object.
function walk(dht, what, opts) {
  const { command, value, put = null } = what
  const byCore = put !== null && !isReplaced(dht, 'query', 'request')
  if (put !== null) what.commit = byCore ? null : storer(put)
  what.start = userQuery(command, value, byCore ? put : null)
  what.onlyValues = true
  what.brief = byCore
  return search(dht, what, opts)
}

// A commit that stores at one node.
function storer(put) {
  return ({ token, from }, dht, { target }) => dht.request({ token, target, ...put }, from)
}

function putMutable(record) {
  return { command: COMMANDS.MUTABLE_PUT, value: c.encode(m.mutablePutRequest, record) }
}

// A commit that stores the found record again, if the program's `refresh` returns true.
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

// A copy, because the program may change the value after the call, or transfer its memory away.
function ownRecord(value) {
  if (!isBytes(value)) throw new TypeError('value must be a buffer')
  return copy(value)
}

// A larger value would be cut off on its way, and no node would answer.
function checkSize(dht, payload, value) {
  const room = DATAGRAM - REQUEST_HEAD - (dht.ephemeral ? 0 : ID)
  const over = payload.byteLength - room
  if (over > 0) throw new RangeError(`value must be at most ${value.byteLength - over} bytes`)
}

/** How many bytes of a datagram nodes of the reference read. */
const DATAGRAM = 2048

/** Bytes of kind, flags, transaction, destination, token, command, target, and value length. */
const REQUEST_HEAD = 1 + 1 + 2 + 6 + 32 + 1 + 32 + 3

/** Bytes of the id, which persistent nodes add to their requests. */
const ID = 32
