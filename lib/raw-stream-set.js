// The file that programs require as `hyperdht/lib/raw-stream-set`.

const RawStreamSet = require('./connection/raw-streams')
const { engineOf } = require('./udx/engine')
const { internalsOf } = require('./util/internals')

/** UDX streams that a program keeps together, on the sockets of a node. */
module.exports = class ProgramStreamSet extends RawStreamSet {
  /** @param {import('..')} dht */
  constructor(dht) {
    super(dht.udx, internalsOf(dht)?.engine || engineOf(dht.udx))
  }
}
