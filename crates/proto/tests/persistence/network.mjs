// Sockets of one node, and the peers that it talks to: they answer as the row of the table says.

import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const peer = require('dht-rpc/lib/peer')

const PING_NAT = 1
const FIND_NODE = 2

/** One way. */
const DELAY = 50

/** Peers that send something while a check runs, so that it looks as if our port had changed. */
const DISTURBERS = 16

export class Network {
  constructor(clock, row) {
    this.tick = 0
    this._clock = clock
    this._row = row
    this._peers = Array.from({ length: row.peers ?? 24 }, (_, i) => address(i))
    this._sockets = new Map()
    this._tested = new Set()
    this._probe = { from: -Infinity, reached: 0 }
  }

  bootstrap() {
    return this._peers.slice(0, 1)
  }

  udx() {
    const interfaces = Object.assign(new EventEmitter(), { interfaces: [], destroy() {} })
    return {
      createSocket: () => new Socket(this),
      watchNetworkInterfaces: () => interfaces,
      networkInterfaces: () => [],
      lookup: async () => {
        throw new Error('no names here')
      }
    }
  }

  bind(socket, port) {
    this._sockets.set(port, socket)
  }

  /** A request of the node. */
  send(localPort, buffer, to) {
    if (buffer[0] !== 0x03) return
    const index = this._peers.findIndex(p => p.host === to.host && p.port === to.port)
    if (index === -1) return
    setTimeout(() => this._answer(localPort, buffer, index), DELAY)
  }

  _answer(localPort, request, index) {
    const internal = (request[1] & 4) !== 0
    const tid = request.subarray(2, 4)
    let at = 10 + (request[1] & 1 ? 32 : 0) + (request[1] & 2 ? 32 : 0)
    const command = request[at++]
    if (!internal) return
    const seen = this._seen(localPort, index)
    if (command !== PING_NAT) {
      const closer = command === FIND_NODE ? this._closer(index) : []
      return this._reply(localPort, index, response(tid, seen, this._peers[index], closer))
    }
    const port = request.readUInt16LE(at + 1)
    if (this._now().disturbed) this._disturb(localPort)
    const to = { host: seen.host, port }
    if (this._reaches(tid)) this._reply(port, index, response(tid, to, this._peers[index], []))
  }

  // Twenty others, which are not the same for each peer.
  _closer(index) {
    return [...this._peers.slice(index), ...this._peers.slice(0, index)].slice(0, 20)
  }

  // The first of all is the quick test. Those that follow at once belong to one probe.
  _reaches(tid) {
    const { reached = Infinity, quick = reached > 0 } = this._now()
    const id = tid.readUInt16LE(0)
    const isQuick = this._row.options?.quickFirewall !== false && this._isAdaptive()
    if (this._tested.size === 0 && isQuick) this._quick = id
    this._tested.add(id)
    if (id === this._quick) return quick
    if (this._clock.now > this._probe.from + 4500) {
      this._probe = { from: this._clock.now, ids: new Map() }
    }
    const { ids } = this._probe
    if (!ids.has(id)) ids.set(id, ids.size)
    return ids.get(id) < reached
  }

  _isAdaptive() {
    const { ephemeral, firewalled } = this._row.options ?? {}
    return ephemeral !== false && firewalled !== false
  }

  _disturb(localPort) {
    for (let i = 0; i < DISTURBERS; i++) {
      const from = address(100 + i)
      const to = { host: host('first'), port: 9 }
      const request = Buffer.concat([
        Buffer.from([0x03, 5, i, 0]),
        addr(to),
        id(from),
        Buffer.of(0)
      ])
      this._sockets.get(localPort)?.emit('message', request, from)
    }
  }

  _reply(localPort, index, buffer) {
    setTimeout(() => {
      this._sockets.get(localPort)?.emit('message', buffer, this._peers[index])
    }, DELAY)
  }

  _seen(localPort, index) {
    const { host: name = 'first', port = 'kept' } = this._now()
    const seen = name === 'split' ? (index % 2 === 0 ? 'first' : 'second') : name
    const ports = { kept: localPort, moved: localPort ^ 1, random: 40000 + 7 * index }
    return { host: host(seen), port: ports[port] }
  }

  _now() {
    const net = this._row.net ?? [{}]
    return net.findLast(entry => (entry.from ?? 0) <= this.tick)
  }
}

class Socket extends EventEmitter {
  constructor(network) {
    super()
    this.bound = false
    this._network = network
    this._port = 0
  }

  bind(port) {
    this._port = port || 30000
    this.bound = true
    this._network.bind(this, this._port)
  }

  address() {
    return { host: '0.0.0.0', port: this._port, family: 4 }
  }

  trySend(buffer, port, host) {
    this._network.send(this._port, buffer, { host, port })
  }

  async close() {
    this.removeAllListeners()
  }
}

function response(tid, to, from, closer) {
  const list = closer.length > 0 ? [Buffer.of(closer.length), ...closer.map(addr)] : []
  const flags = 1 | (closer.length > 0 ? 4 : 0)
  return Buffer.concat([Buffer.of(0x13, flags), tid, addr(to), id(from), ...list])
}

function addr({ host, port }) {
  const bytes = Buffer.from([...host.split('.').map(Number), 0, 0])
  bytes.writeUInt16LE(port, 4)
  return bytes
}

function id({ host, port }) {
  return peer.id(host, port)
}

function address(i) {
  return { host: `10.0.${i}.1`, port: 5000 + i }
}

function host(name) {
  return name === 'first' ? '5.5.5.1' : '5.5.5.2'
}
