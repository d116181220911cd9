/**
 * `dht.stats`: plain numbers that a program may change. Each refresh adds what the core has counted
 * since the refresh before.
 */
module.exports = class Stats {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this.numbers = {
      punches: {
        consistent: 0,
        random: 0,
        open: 0,
        tryLater: 0,
        tryLaterRelayedHandshakesAtLeastOnce: 0
      },
      relaying: { attempts: 0, successes: 0, aborts: 0 },
      socketPool: { socketsAdded: 0, socketsRemoved: 0 },
      queries: { active: 0, total: 0 },
      requests: { active: 0, total: 0, responses: 0, timeouts: 0, retries: 0 },
      commands: {
        ping: { tx: 0, rx: 0 },
        pingNat: { tx: 0, rx: 0 },
        findNode: { tx: 0, rx: 0 },
        downHint: { tx: 0, rx: 0 }
      },
      dropped: {
        malformed: 0,
        unexpected: 0,
        handshake: 0,
        admission: 0,
        punch: 0,
        message: 0,
        frame: 0,
        udx: 0,
        store: 0,
        request: 0,
        relay: 0
      }
    }
    this._native = native
    this._isInUse = false
    this._places = null // made when first needed
    this._counted = {}
  }

  /** Returns the present numbers. After the first call they are updated with the core's events. */
  read() {
    this._isInUse = true
    const counted = this._native.inspect('stats')
    if (counted) this.refresh(counted)
    return this.numbers
  }

  /** Adds what the core had counted at its latest event. Does not wait for the core's lock. */
  follow() {
    if (!this._isInUse) return
    const counted = this._native.inspect('changedStats')
    if (counted) this.refresh(counted)
  }

  /** @param {Record<string, number>} counted the core's numbers, by their paths */
  refresh(counted) {
    const before = this._counted
    this._counted = counted
    for (const name of Object.keys(counted)) {
      const { group, key } = this._place(name)
      group[key] += counted[name] - (before[name] || 0)
    }
  }

  _place(name) {
    this._places ||= places(this.numbers)
    const place = this._places.get(name)
    if (place === undefined) throw new Error(`dht.stats has no place for ${name}`)
    return place
  }
}

/** A server of ours does not keep a handshake whose random punch has to wait, so this stays 0. */
module.exports.UNCOUNTED = ['punches.tryLaterRelayedHandshakesAtLeastOnce']

/** The numbers of a tree by their paths, such as `commands.ping.tx`. */
function places(group, prefix = '', found = new Map()) {
  for (const key of Object.keys(group)) {
    if (typeof group[key] === 'number') found.set(prefix + key, { group, key })
    else places(group[key], prefix + key + '.', found)
  }
  return found
}
