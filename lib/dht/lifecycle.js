// Sleep and waking of a node and of its servers, and their end. The core takes turns: each command
// of a node has one outcome, in the order of the commands.

const deferred = require('../util/deferred')

/** @typedef {{ log?: (text: string) => void }} LogOptions */

/**
 * Takes all announcements back, ends connections and requests, and closes the sockets.
 *
 * @param {import('../..')} dht
 * @param {LogOptions} [opts]
 */
exports.suspend = async function suspend(dht, { log = noop } = {}) {
  log('Suspending all hyperdht servers')
  dht._connectable = false
  const fellAsleep = await turn(dht, 'suspend', dht._suspending).finally(() => {
    dht._connectable = true
  })
  log('Done, clearing all raw streams')
  log('Done, suspending dht-rpc')
  log('Suspending waiting for io bind...')
  await dht.bind()
  log('Done, continuing')
  if (fellAsleep) {
    log('Done, suspending io')
    log('Done, dht suspended')
  }
  log('Done, clearing raw streams again')
  log('Done, hyperdht fully suspended')
}

/**
 * Binds the sockets again; servers announce in the background.
 *
 * @param {import('../..')} dht
 * @param {LogOptions} [opts]
 */
exports.resume = async function resume(dht, { log = noop } = {}) {
  if (!dht.destroyed && (dht._asleep || dht._suspending.length > 0)) {
    log('Resuming io')
    dht.suspended = false
    await turn(dht, 'resume', dht._resuming)
    log('Done, dht resumed')
  }
  const resuming = Array.from(dht.listening, server => server.resume())
  log('Resuming hyperdht servers')
  await Promise.all(resuming)
  log('Done, hyperdht fully resumed')
}

/** The core sleeps: again, or all along. */
exports.onsuspended = function onsuspended(dht) {
  const fellAsleep = !dht._asleep
  dht._asleep = true
  dht.suspended = dht._resuming.length === 0
  dht._suspending.shift()?.resolve(fellAsleep)
  unrefIfIdle(dht)
  if (!fellAsleep) return
  for (const socket of dht._mainSockets()) socket._close()
  dht.emit('suspend')
}

/** The core is awake: again, or all along. Or it could not wake, and tells why. */
exports.onresumed = function onresumed(dht, error) {
  const turn = dht._resuming.shift()
  if (error !== null) {
    dht.suspended = true
    turn?.reject(error)
    unrefIfIdle(dht)
    return
  }
  const woke = dht._asleep
  dht._asleep = false
  dht.suspended = false
  turn?.resolve(woke)
  if (!woke) return
  dht._bindMainSockets()
  dht.emit('resume')
}

/** The core has failed: whatever waits for it fails with `err`, and the node is destroyed. */
exports.onfailed = function onfailed(dht, err) {
  dht.destroyed = true
  exports.release(dht, err)
  dht._bootstrapping.reject(err)
  dht._gone.resolve()
  return dht.destroy()
}

/** The core is gone and tells no outcome any more: with an error if it has failed. */
exports.release = function release(dht, err) {
  const destroyed = err || new Error('Node was destroyed')
  each(dht._conns.clear(), stream => stream._onclosed(err))
  each(dht._queries.clear(), query => query._onnodegone(destroyed))
  each(dht._servers.clear(), server => server._onclosed(err))
  dht._requests.clear(err || new Error('Node destroyed'))
  dht._localAddresses.close(err)
  const turns = [...dht._suspending.splice(0), ...dht._resuming.splice(0)]
  each(turns, turn => deferred.settle(turn, err, false))
}

/**
 * Takes the announcement of one server back; clients do not reach it.
 *
 * @param {import('../server/server')} server
 * @param {LogOptions} [opts]
 */
exports.suspendServer = async function suspendServer(server, { log = noop } = {}) {
  const announced = server._listening !== null && !server.suspended && !server.dht.destroyed
  log('Suspending hyperdht server')
  server.suspended = true
  // whatever the log does, what has begun goes on
  const suspension = announced ? exports.commandSuspension(server) : server._suspending?.promise
  log('Suspending hyperdht server (post listening)')
  if (!announced) return suspension
  log('Suspending announcer')
  log('Suspending announcer (post update)')
  log('Suspending announcer (pre unannounce)')
  await suspension
  log('Suspending announcer (post unannounce)')
}

/** Resolves when the core has suspended a server, or the server is resumed or closed before. */
exports.commandSuspension = function commandSuspension(server) {
  if (server._suspending === null) server._suspending = deferred()
  server._command('suspend')
  return server._suspending.promise
}

/** Announces a server again, in the background. */
exports.resumeServer = async function resumeServer(server) {
  server.suspended = false
  exports.settleServer(server)
  server._command('resume')
}

/** Nobody has to wait for the suspension of a server any longer. */
exports.settleServer = function settleServer(server, err = null) {
  if (server._suspending !== null) deferred.settle(server._suspending, err)
  server._suspending = null
}

// Lets the process go: a node that sleeps does nothing by itself. What is asked of it has an outcome,
// for which the process waits.
function unrefIfIdle(dht) {
  const waiting = [dht._suspending.length, dht._resuming.length, dht._requests.size]
  if (Math.max(...waiting, dht._queries.size) === 0) dht._native.unref()
}

// Gives a command and waits for its outcome: whether anything has changed.
async function turn(dht, command, queue) {
  if (dht.destroyed || dht._native === null) return false
  const outcome = deferred()
  queue.push(outcome)
  dht._native.command(command, { server: null })
  return outcome.promise
}

// Tells all: what a listener of one throws does not keep the others waiting.
function each(items, tell) {
  for (const item of items) {
    try {
      tell(item)
    } catch (err) {
      queueMicrotask(() => {
        throw err
      })
    }
  }
}

function noop() {}
