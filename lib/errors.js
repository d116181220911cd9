module.exports = class DHTError extends Error {
  constructor(msg, code, fn = DHTError) {
    super(`${code}: ${msg}`)
    this.code = code
    if (Error.captureStackTrace) Error.captureStackTrace(this, fn)
  }

  get name() {
    return 'DHTError'
  }
}

const TEXTS = {
  BAD_HANDSHAKE_REPLY: 'Bad handshake reply',
  BAD_HOLEPUNCH_REPLY: 'Bad holepunch reply',
  HOLEPUNCH_ABORTED: 'Holepunch aborted',
  HOLEPUNCH_INVALID: 'Invalid holepunch payload',
  HOLEPUNCH_PROBE_TIMEOUT: 'Holepunching probe did not finish in time',
  HOLEPUNCH_DOUBLE_RANDOMIZED_NATS: 'Both remote and local NATs are randomized',
  CANNOT_HOLEPUNCH: 'Cannot holepunch to remote',
  REMOTE_NOT_HOLEPUNCHING: 'Remote is not holepunching',
  REMOTE_NOT_HOLEPUNCHABLE: 'Remote is not holepunchable',
  REMOTE_ABORTED: 'Remote aborted',
  HANDSHAKE_UNFINISHED: 'Handshake did not finish',
  HANDSHAKE_INVALID: 'Received invalid handshake',
  ALREADY_LISTENING: 'Already listening',
  KEYPAIR_ALREADY_USED: 'Keypair already used',
  NODE_DESTROYED: 'Node destroyed',
  PEER_CONNECTION_FAILED: 'Could not connect to peer',
  PEER_NOT_FOUND: 'Peer not found',
  STREAM_NOT_CONNECTED: 'Stream is not connected',
  SERVER_INCOMPATIBLE: 'Server is using an incompatible version',
  SERVER_ERROR: 'Server returned an error',
  DUPLICATE_CONNECTION: 'Duplicate connection',
  RELAY_ABORTED: 'Relay aborted',
  SUSPENDED: 'Suspended',
  REQUEST_DESTROYED: 'Request destroyed'
}

for (const code of Object.keys(TEXTS)) {
  module.exports[code] = function make(msg = TEXTS[code]) {
    return new module.exports(msg, code, make)
  }
}

/** Error codes in replies of dht-rpc. */
module.exports.UNKNOWN_COMMAND = 1
module.exports.INVALID_TOKEN = 2

const SYSTEM_CODES = new Set(['ECONNRESET', 'ETIMEDOUT', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'])

/**
 * Makes an error of a failure that the core reports.
 *
 * @param {{ code: string, message: string }} failure
 * @param {object | null} [trace] of an attempt to connect
 * @returns {Error & { code?: string, trace?: object }}
 */
module.exports.from = function from({ code, message }, trace = null) {
  const err = make(message, code, from)
  if (trace !== null) err.trace = trace
  return err
}

function make(message, code, fn) {
  if (code !== '' && !SYSTEM_CODES.has(code)) return new module.exports(message, code, fn)
  const err = new Error(message)
  if (code !== '') err.code = code
  return err
}
