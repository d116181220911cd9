// Announcing and unannouncing. With a secret key the core signs. If the application passes its own
// signing function, or a key pair that has one, JavaScript signs.

const b4a = require('b4a')
const c = require('compact-encoding')
const m = require('../messages')
const Persistent = require('../persistent')
const { commitOption, createQuery, mapLookup } = require('./query')
const { internalsOf } = require('../util/internals')
const { isReplaced, search } = require('./replaced')
const { COMMANDS } = require('../constants')
const { addresses, checkBytes, checkSigner, checkUint } = require('../util/check')

const LOOKUP = { command: COMMANDS.LOOKUP, map: mapLookup }

/** A lookup that announces at the closest nodes. */
exports.announce = function announce(dht, target, keyPair, relays, opts) {
  const { signAnnounce, signUnannounce } = Persistent
  const sign = checkSigner('signAnnounce', keyPair, opts.signAnnounce, signAnnounce)
  const relayAddresses = addresses('relayAddresses', relays)
  const bump = checkUint('bump', opts.bump || 0)
  const clear = !!opts.clear
  const unsign =
    clear && checkSigner('signUnannounce', keyPair, opts.signUnannounce, signUnannounce)

  if (!sign && !unsign && !isReplaced(dht, 'query', 'request')) {
    const start = ['announce', { secretKey: keyPair.secretKey, relayAddresses, bump, clear }]
    return createQuery(dht, { target, ...LOOKUP, start, commit: null }, opts)
  }
  const commit = announcer({ keyPair, relayAddresses, bump, sign: sign || signAnnounce })
  if (clear) return walkAndUnannounce(dht, target, keyPair, { ...opts, commit })
  return search(dht, { target, ...LOOKUP, start: ['lookup', {}], commit }, opts)
}

/** A lookup that unannounces at each node that has the record. */
function walkAndUnannounce(dht, target, keyPair, opts) {
  const { signUnannounce } = Persistent
  const sign = checkSigner('signUnannounce', keyPair, opts.signUnannounce, signUnannounce)
  if (sign === null && !isReplaced(dht, 'query', 'request')) {
    const start = ['unannounce', { secretKey: keyPair.secretKey }]
    return createQuery(dht, { target, ...LOOKUP, start }, opts)
  }
  const commit = commitOption(opts.commit)
  const hooks = unannouncer({ dht, target, keyPair, sign: sign || signUnannounce, commit })
  const what = { target, ...LOOKUP, start: ['lookup', {}], ...hooks }
  const query = search(dht, what, opts)
  internalsOf(dht).native.command('unlink', { target, publicKey: keyPair.publicKey })
  return query
}
exports.lookupAndUnannounce = walkAndUnannounce

// A commit that announces at one node.
function announcer({ keyPair, relayAddresses, bump, sign }) {
  const peer = { publicKey: keyPair.publicKey, relayAddresses }
  return ({ token, from }, dht, { target }) => {
    const announce = { peer, refresh: null, signature: null, bump }
    return send(dht, COMMANDS.ANNOUNCE, { target, token, from, announce, keyPair, sign })
  }
}

// The `map` of a lookup that unannounces at each node, and the `commit` that waits for it.
function unannouncer({ dht, target, keyPair, sign, commit }) {
  const { publicKey } = keyPair
  const requests = []

  function map(reply) {
    const data = mapLookup(reply)
    if (data?.token && data.from.id && mayHave(data.peers, publicKey)) {
      requests.push(unannounce(data).catch(noop)) // if it fails, the record expires by itself
    }
    return data
  }

  function unannounce({ token, from }) {
    const announce = { peer: { publicKey, relayAddresses: [] }, signature: null }
    return send(dht, COMMANDS.UNANNOUNCE, { target, token, from, announce, keyPair, sign })
  }

  async function commitLater(reply, dht, query) {
    await Promise.all(requests)
    return commit === null ? null : commit(reply, dht, query)
  }

  return { map, commit: commitLater }
}

async function send(dht, command, { target, token, from, announce, keyPair, sign }) {
  const signature = await sign(target, token, from.id, announce, keyPair)
  checkBytes('signature', signature, 64)
  const value = c.encode(m.announce, { ...announce, signature })
  return dht.request({ token, target, command, value }, from)
}

// A node may have our record if its reply has it, or has as many records as fit into a reply.
function mayHave(peers, publicKey) {
  return peers.length >= MAX_SHOWN || peers.some(peer => b4a.equals(peer.publicKey, publicKey))
}

/** The most records of a topic in one reply. */
const MAX_SHOWN = 20

function noop() {}
