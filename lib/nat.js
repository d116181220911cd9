// How our NAT maps a socket, judged by the addresses under which other nodes see it. The core has
// its own analysis (`punch/nat.rs`). Programs use this class for tests and measurements.

const { FIREWALL } = require('./constants')

module.exports = class Nat {
  /**
   * @param {{ firewalled: boolean, nodes?: object }} dht
   * @param {{ ping: Function } | null} session of the pings; null if the samples are given
   * @param {object | null} socket
   */
  constructor(dht, session, socket) {
    this.dht = dht
    this.session = session
    this.socket = socket
    this.sampled = 0
    this.firewall = dht.firewalled ? FIREWALL.UNKNOWN : FIREWALL.OPEN
    /** Where peers may send to, with the number of nodes that saw us there. */
    this.addresses = null
    this.frozen = false
    /** Resolves when there are enough samples, or no more to get. */
    this.analyzing = new Promise(resolve => {
      this._resolve = resolve
    })

    this._hosts = []
    this._full = []
    this._visited = new Map()
    this._minSamples = MIN_SAMPLES
    this._isSampling = false
  }

  /** Asks nodes of the routing table, the latest heard first. */
  autoSample(retry = true) {
    if (this._isSampling) return
    this._isSampling = true
    const nodes = this.dht.nodes.toArray({ reverse: true })
    // the latest nodes probably relay the handshake, and so give a sample anyway
    const pings = nodes.slice(nodes.length >= MANY_NODES ? SKIPPED_NODES : 0)
    const asked = []
    for (const node of pings) {
      if (this.sampled + asked.length >= this._minSamples) break
      if (this._visit(node, ASKED)) asked.push(this._ask(node))
    }
    Promise.all(asked).then(() => this._onsampled(retry))
  }

  destroy() {
    this._isSampling = true
    this._minSamples = 0
    this._resolve()
  }

  /** Keeps the verdict, whatever samples come. */
  freeze() {
    this.frozen = true
  }

  unfreeze() {
    this.frozen = false
    this._judge()
  }

  update() {
    if (this.dht.firewalled && this.firewall === FIREWALL.OPEN) this.firewall = FIREWALL.UNKNOWN
    this._judge()
  }

  /**
   * Takes a sample. The second one of a node does not count.
   *
   * @param {{ host: string, port: number }} addr our address
   * @param {{ host: string, port: number }} from the node that saw us there
   */
  add(addr, from) {
    if (!this._visit(from, SAMPLED)) return
    count(this._hosts, addr.host, 0)
    count(this._full, addr.host, addr.port)
    this.sampled++
    const isEnough = this.sampled >= FEW_SAMPLES || !this.dht.firewalled
    if (isEnough && !this.frozen) this.update()
    const isGood = this.firewall === FIREWALL.CONSISTENT || this.firewall === FIREWALL.OPEN
    if (isGood || this.sampled >= this._minSamples) this._resolve()
  }

  async _ask(node) {
    try {
      const { to, from } = await this.session.ping(node, { socket: this.socket, retry: false })
      this.add(to, from)
    } catch {
      // a node that is silent gives no sample
    }
  }

  _onsampled(retry) {
    if (this.sampled >= this._minSamples) return
    if (!retry) return this._resolve()
    this._isSampling = false
    this.autoSample(false)
  }

  // False if that had happened to the node before.
  _visit({ host, port }, stage) {
    const node = `${host}:${port}`
    if ((this._visited.get(node) || 0) >= stage) return false
    this._visited.set(node, stage)
    return true
  }

  _judge() {
    const verdict = this.dht.firewalled ? this._verdict() : FIREWALL.OPEN
    if (verdict !== null) this.firewall = verdict
    if (this.firewall === FIREWALL.UNKNOWN) this.addresses = null
    else if (this.firewall === FIREWALL.RANDOM) this.addresses = [this._hosts[0]]
    else if (this.firewall === FIREWALL.CONSISTENT) {
      this.addresses = this._full.filter(({ hits }, i) => hits >= 2 || i < 2)
    }
  }

  // Null while the samples do not tell.
  _verdict() {
    if (this.sampled < FEW_SAMPLES) return null
    const [{ hits }, second] = this._full
    if (hits >= 3) return FIREWALL.CONSISTENT
    if (hits === 1) return FIREWALL.RANDOM
    if (this._hosts.length === 1 && this.sampled > 3) return FIREWALL.RANDOM
    // two addresses, each seen twice: the host has two consistent NATs
    if (this._hosts.length > 1 && second.hits > 1) return FIREWALL.CONSISTENT
    return this.sampled > MIN_SAMPLES ? FIREWALL.RANDOM : null
  }
}

/** Samples below which nothing can be said. */
const FEW_SAMPLES = 3

/** Samples after which the analysis ends, whatever they say. */
const MIN_SAMPLES = 4

/** With fewer nodes than this, none is skipped. */
const MANY_NODES = 8
const SKIPPED_NODES = 5

/** What has happened to a node. */
const ASKED = 1
const SAMPLED = 2

// Counts an address. The list stays in the order of the hits.
function count(samples, host, port) {
  let i = samples.findIndex(sample => sample.host === host && sample.port === port)
  if (i === -1) {
    samples.push({ host, port, hits: 1 })
    return
  }
  const sample = samples[i]
  sample.hits++
  for (; i > 0 && samples[i - 1].hits < sample.hits; i--) samples[i] = samples[i - 1]
  samples[i] = sample
}
