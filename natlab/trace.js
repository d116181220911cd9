// What a failed client of ours says about its attempt, in `err.trace`, and whether that is true.

const { SAME, TYPES } = require('./cells')

/** The trace in a few words: the reason, both NATs, what was sent, and the last steps. */
exports.describe = function describe(trace) {
  const { reason, direct, localNat, remoteNat, rounds, probes, steps } = trace
  const why = direct === null ? reason : `${reason} after ${direct}`
  const last = steps.slice(-3).map(({ step, ms }) => `${step} @${ms}`)
  const sent = `${rounds} rounds, ${probes} probes`
  return `${why}, ${localNat}/${remoteNat}, ${sent}, ${last.join(', ')}`
}

/**
 * Compares a trace with the laboratory.
 *
 * @param {string} cell
 * @param {object} trace
 * @returns {string[]} what the trace says wrongly; empty if all of it is true
 */
exports.contradictions = function contradictions(cell, trace) {
  const { local, remote, reason } = expected(cell)
  const wrong = []
  if (trace.localNat !== local) wrong.push(`localNat ${trace.localNat} instead of ${local}`)
  // a server that did not answer has told nothing
  const answered = trace.steps.some(({ step }) => step === 'round')
  if (answered && trace.remoteNat !== remote)
    wrong.push(`remoteNat ${trace.remoteNat} instead of ${remote}`)
  if (reason !== null && trace.reason !== reason)
    wrong.push(`reason ${trace.reason} instead of ${reason}`)
  return wrong
}

/** Whether client and server can reach each other without a relay. */
exports.isPossible = cell => expected(cell).reason === null

/** What the laboratory has built. `reason` is null where a connection can be made. */
function expected(cell) {
  const [client, server] = cell.split(',')
  if (client === 'same') {
    const variant = SAME[server]
    return {
      local: 'consistent',
      remote: 'consistent',
      reason: reaches(variant) ? null : 'probesLost'
    }
  }
  const [local, remote] = [TYPES[client].seen, TYPES[server].seen]
  return { local, remote, reason: cause(client, server) }
}

/** Whether hosts behind one NAT can reach each other. */
function reaches({ shared, own, isolated }) {
  return shared === 'hairpin' || (!own && !isolated)
}

function cause(client, server) {
  if (client === 'blocked') return 'noAnswer'
  if (server === 'blocked') return 'notAnnounced'
  const areRandom = [client, server].every(type => TYPES[type].seen === 'random')
  return areRandom ? 'randomNats' : null
}
