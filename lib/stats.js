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

  /** @param {Record<string, number>} counted the core's numbers, by their names in border.js */
  refresh(counted) {
    for (const name of Object.keys(counted)) {
      const place = this._places.get(name)
      if (place) place.group[place.key] += counted[name] - (this._counted[name] || 0)
    }
    this._counted = counted
  }
}

function places({ punches, socketPool, queries, requests, commands, dropped }) {
  const found = new Map()
  const put = (prefix, group, keys = Object.keys(group)) => {
    for (const key of keys) {
      const name = prefix + (prefix === '' ? key : key[0].toUpperCase() + key.slice(1))
      found.set(name, { group, key })
    }
  }
  put('requests', requests, ['active', 'total'])
  put('', requests, ['responses', 'timeouts', 'retries'])
  put('queries', queries)
  put('punches', punches, ['consistent', 'random', 'open'])
  put('pool', socketPool)
  put('dropped', dropped)
  for (const name of Object.keys(commands)) put(name, commands[name])
  return found
}
