const { EventEmitter } = require('events')
const b4a = require('b4a')
const Row = require('./table-row')
const { K, compareDistance, rowOf } = require('../util/kademlia')
const { checkAddress, checkBytes } = require('../util/check')

/** The routing table around our id. It shows what the core has. */
module.exports = class RoutingTable extends EventEmitter {
  /**
   * @param {import('./rpc')} dht tells of the nodes that enter and leave
   * @param {import('../native/native')} native
   * @param {import('./views').NodeSet} nodes the same nodes
   */
  constructor(dht, native, nodes) {
    super()
    this.k = K
    this._native = native
    this._nodes = nodes
    this._id = b4a.alloc(32)
    this._rows = new Map() // by their numbers, those that have had a node
    this._watch = watchNodes(dht, {
      'add-node': node => this._row(rowOf(this.id, node.id)).emit('add', node),
      'remove-node': node => this._row(rowOf(this.id, node.id)).emit('remove', node)
    })
    this.on('newListener', name => name === 'row' && this._watch(true))
    this.on('removeListener', () => this._watch(this.isWatched))
  }

  /** A random id, until other nodes store us under the id of our address. */
  get id() {
    this._id = this._native.inspect('tableId') || this._id
    return this._id
  }

  get size() {
    return this._nodes.length
  }

  /** The rows by their numbers, which are the bits in common with our id. */
  get rows() {
    const rows = new Array(ROWS)
    for (const node of this.toArray()) this._row(rowOf(this._id, node.id))
    for (const [index, row] of this._rows) rows[index] = row
    return rows
  }

  /** Adds a node, unless its row is full. Returns whether the table has it. */
  add(node) {
    this._native.command('addNode', { address: checkAddress('node', node) })
    return this._nodes.toArray().some(({ host, port }) => host === node.host && port === node.port)
  }

  /** Returns whether the table had the node. */
  remove(id) {
    const had = this.has(checkBytes('id', id, 32))
    this._native.command('removeNode', { id })
    return had
  }

  get(id) {
    return this.toArray().find(node => b4a.equals(node.id, id)) || null
  }

  has(id) {
    return this.get(id) !== null
  }

  random() {
    const nodes = this.toArray()
    return nodes[Math.floor(Math.random() * nodes.length)] || null
  }

  closest(id, k = K) {
    const byDistance = (a, b) => compareDistance(id, a.id, b.id)
    return this.toArray().sort(byDistance).slice(0, k)
  }

  toArray() {
    return this._nodes.toArray()
  }

  /** Whether a program listens to the table or to one of its rows. */
  get isWatched() {
    if (this.listenerCount('row') > 0) return true
    return [...this._rows.values()].some(row => row.isWatched)
  }

  _row(index) {
    let row = this._rows.get(index)
    if (row) return row
    row = new Row(this, index, added => this._watch(added || this.isWatched))
    this._rows.set(index, row)
    this.emit('row', row)
    return row
  }
}

// Returns a function that starts and stops to listen to a node.
function watchNodes(dht, listeners) {
  let watching = false
  return wanted => {
    if (wanted === watching) return
    watching = wanted
    for (const [name, listener] of Object.entries(listeners)) {
      if (wanted) dht.on(name, listener)
      else dht.off(name, listener)
    }
  }
}

/** One for each bit of an id. */
const ROWS = 256
