/**
 * The trace of an attempt to connect that was refused at once, or that the core's end has cut short.
 *
 * @param {'suspended' | 'nodeDestroyed' | 'nodeFailed' | 'noSocket'} reason
 * @returns {import('../..').ConnectTrace}
 */
module.exports = function refusedTrace(reason) {
  return {
    reason,
    direct: null,
    steps: [{ step: 'failed', ms: 0 }],
    node: null,
    server: null,
    relay: null,
    localNat: 'unknown',
    remoteNat: 'unknown',
    nodes: 0,
    handshakes: 0,
    rounds: 0,
    probes: 0
  }
}
