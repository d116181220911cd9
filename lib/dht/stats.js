/**
 * `dht.stats`: plain numbers that a program may write to. What the core counted since the last
 * refresh is added to whatever they are.
 */
module.exports = class Stats {
  constructor() {
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
        request: 0
      }
    }
    this._places = places(this.numbers)
    this._counted = {}
  }

  /** @param {Record<string, number>} counted the core's numbers, by their places */
  refresh(counted) {
    const before = this._counted
    this._counted = counted
    for (const name of Object.keys(counted)) {
      const { group, key } = this._place(name)
      group[key] += counted[name] - (before[name] || 0)
    }
  }

  _place(name) {
    const place = this._places.get(name)
    if (place === undefined) throw new Error(`dht.stats has no place for ${name}`)
    return place
  }
}

/** What only blind relays count, which are not in this version. These stay 0. */
module.exports.UNCOUNTED = [
  'punches.tryLaterRelayedHandshakesAtLeastOnce',
  'relaying.attempts',
  'relaying.successes',
  'relaying.aborts'
]

/** Each number of a tree, by its path: `commands.ping.tx`. */
function places(group, prefix = '', found = new Map()) {
  for (const key of Object.keys(group)) {
    if (typeof group[key] === 'number') found.set(prefix + key, { group, key })
    else places(group[key], prefix + key + '.', found)
  }
  return found
}
