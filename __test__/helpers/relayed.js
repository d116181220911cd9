// Options that lead a connection through a blind relay.

const b4a = require('b4a')

/** What a server and a client need to be unable to reach each other directly. */
exports.APART = {
  server: { holepunch: () => false, shareLocalAddress: false },
  client: { holepunch: () => false, localConnection: false, fastOpen: false }
}

/**
 * The options of `connect` or `createServer` from what crosses between processes: `relay` is the
 * hex key of a blind relay; with `apart` there is no direct way. `confirms` is for exchange.js.
 *
 * @param {'server' | 'client'} side
 */
exports.withRelay = function withRelay(side, { relay, apart, confirms, ...options } = {}) {
  if (relay) options.relayThrough = b4a.from(relay, 'hex')
  return apart ? { ...options, ...exports.APART[side] } : options
}
