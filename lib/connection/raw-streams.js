const lazily = require('../util/lazily')

const streams = lazily(() => require('../udx/stream'))

const FORGET = Symbol('forget')
const TRACK = Symbol('track')
const TRACK_UNSEEN = Symbol('trackUnseen')

/** All UDX streams of a node, those of its connections included. */
module.exports = class RawStreamSet {
  /**
   * @param {import('../udx/udx')} udx
   * @param {import('../udx/engine').NodeEngine} engine of the node
   */
  constructor(udx, engine) {
    this._udx = udx
    this._engine = engine
    // streams, and connections whose stream nobody has looked at, by the id of the stream
    this._members = new Map()
  }

  get size() {
    return this._members.size
  }

  *[Symbol.iterator]() {
    for (const member of this._members.values()) yield streamOf(member)
  }

  /** Creates a stream with an id that no other stream has. */
  add(opts) {
    const UDXStream = streams()
    let id = randomId()
    while (this._members.has(id)) id = randomId()
    return this[TRACK](new UDXStream(this._udx, id, opts, null, this._engine))
  }

  [TRACK](stream) {
    this._members.set(stream.id, stream)
    stream.on('close', () => this[FORGET](stream))
    return stream
  }

  [TRACK_UNSEEN](raw) {
    this._members.set(raw.id, raw)
  }

  [FORGET](member) {
    if (this._members.get(member.id) === member) this._members.delete(member.id)
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

/** Keeps a connection in the set whose stream is created when a program looks at it. */
module.exports.trackUnseen = (set, raw) => set[TRACK_UNSEEN](raw)

/** Removes a connection that has closed, or whose stream was created. */
module.exports.forgetUnseen = (set, raw) => set[FORGET](raw)

function streamOf(member) {
  return member instanceof streams() ? member : member.stream
}

function randomId() {
  return Math.floor(Math.random() * 0x100000000)
}
