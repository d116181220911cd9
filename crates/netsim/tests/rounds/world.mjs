import { EventEmitter } from 'node:events'

/** Nodes of the reference, and the datagrams between them. */
export class World {
  constructor(DHT, clock, rtt) {
    this.loss = 0
    this._DHT = DHT
    this._clock = clock
    this._rtt = rtt
    this.sockets = new Map()
    this.nodes = []
  }

  /** Adds a persistent node, and waits until it is ready. */
  async join() {
    const isFirst = this.nodes.length === 0
    const dht = this.node({ ephemeral: false, firewalled: false })
    if (isFirst) dht._nat.add(host(0), 49737)
    dht.on('request', req => req.reply(null))
    await this.timed(dht.fullyBootstrapped())
  }

  node(options, isFirewalled = false) {
    const index = this.nodes.length
    const bootstrap = index === 0 ? [] : [{ host: host(0), port: 49737 }]
    const udx = fakeUdx(this, host(index), isFirewalled)
    const dht = new this._DHT({ port: 49737, bootstrap, udx, ...options })
    this.nodes.push(dht)
    return dht
  }

  /** How long a promise takes, in milliseconds. */
  async timed(promise) {
    const started = this._clock.now
    let ended = null
    promise.then(() => {
      ended = this._clock.now
    })
    while (ended === null) await this._clock.run(1)
    return ended - started
  }

  send(from, buffer, to) {
    if (Math.random() < this.loss) return
    setTimeout(
      () => this.sockets.get(`${to.host}:${to.port}`)?.receive(buffer, from),
      this._rtt / 2
    )
  }

  async destroy() {
    for (const dht of this.nodes) dht.destroy()
    await this._clock.run(10)
    this._clock.clear()
  }
}

class Socket extends EventEmitter {
  constructor(world, host, isFirewalled) {
    super()
    this.bound = false
    this._world = world
    this._host = host
    this._port = 0
    this._asked = isFirewalled ? new Set() : null
  }

  bind(port) {
    this._port = port || 30000
    this.bound = true
    this._world.sockets.set(`${this._host}:${this._port}`, this)
  }

  address() {
    return { host: '0.0.0.0', port: this._port, family: 4 }
  }

  trySend(buffer, port, host) {
    this._asked?.add(`${host}:${port}`)
    this._world.send({ host: this._host, port: this._port }, buffer, { host, port })
  }

  receive(buffer, { host, port }) {
    if (this._asked && !this._asked.has(`${host}:${port}`)) return
    this.emit('message', buffer, { host, port })
  }

  async close() {
    this.removeAllListeners()
  }
}

function fakeUdx(world, host, isFirewalled) {
  return {
    createSocket: () => new Socket(world, host, isFirewalled),
    watchNetworkInterfaces: () =>
      Object.assign(new EventEmitter(), { interfaces: [], destroy() {} }),
    networkInterfaces: () => [],
    lookup: async () => {
      throw new Error('no names here')
    }
  }
}

/** Public addresses, one in each /24. */
function host(index) {
  return `5.1.${index}.1`
}
