const { EventEmitter } = require('events')
const b4a = require('b4a')
const { rowOf } = require('../util/kademlia')

/** A row of the routing table: the nodes whose ids have as many bits in common with ours. */
module.exports = class Row extends EventEmitter {
  /**
   * @param {import('./routing-table')} table
   * @param {number} index
   * @param {(added: boolean) => void} onlisteners called when listeners come and go
   */
  constructor(table, index, onlisteners) {
    super()
    /** For programs. */
    this.data = null
    this.table = table
    this.index = index
    this.byteOffset = index >> 3
    this.on('newListener', name => NAMES.includes(name) && onlisteners(true))
    this.on('removeListener', () => onlisteners(false))
  }

  /** The nodes, in the order of their ids. */
  get nodes() {
    const { id } = this.table
    const nodes = this.table.toArray().filter(node => rowOf(id, node.id) === this.index)
    return nodes.sort((a, b) => b4a.compare(a.id, b.id))
  }

  get isWatched() {
    return NAMES.some(name => this.listenerCount(name) > 0)
  }

  get(id) {
    return this.nodes.find(node => b4a.equals(node.id, id)) || null
  }

  add(node) {
    return this.table.add(node)
  }

  remove(id) {
    return this.table.remove(id)
  }
}

const NAMES = ['add', 'remove']
