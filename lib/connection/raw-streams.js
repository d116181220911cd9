const UDXStream = require('../udx/stream')

const TRACK = Symbol('track')

/** All UDX streams of a node, those of its connections included. */
module.exports = class RawStreamSet {
  /**
   * @param {import('../udx/udx')} udx
   * @param {import('../udx/engine').NodeEngine} engine of the node
   */
  constructor(udx, engine) {
    this._udx = udx
    this._engine = engine
    this._streams = new Map()
  }

  get size() {
    return this._streams.size
  }

  [Symbol.iterator]() {
    return this._streams.values()
  }

  /** Creates a stream with an id that no other stream has. */
  add(opts) {
    let id = randomId()
    while (this._streams.has(id)) id = randomId()
    return this[TRACK](new UDXStream(this._udx, id, opts, null, this._engine))
  }

  [TRACK](stream) {
    this._streams.set(stream.id, stream)
    stream.on('close', () => this._streams.delete(stream.id))
    return stream
  }

  /** Destroys all streams, and resolves when they have closed. */
  async clear() {
    const closing = Array.from(this, stream => {
      return new Promise(resolve => stream.once('close', resolve).destroy())
    })
    await Promise.all(closing)
  }
}

/** Keeps a stream of a connection in the set until it closes. */
module.exports.track = (set, stream) => set[TRACK](stream)

function randomId() {
  return Math.floor(Math.random() * 0x100000000)
}
