const UDXStream = require('../udx/stream')
const { track } = require('./raw-streams')

/** The UDX stream of a connection, which the core has opened. */
module.exports = class OpenedStream extends UDXStream {
  /**
   * @param {{ udx: object, engine: object, sockets: object, rawStreams: object }} parts of the node
   * @param {object} link
   * @param {object} transport the addresses and ids of the core's event
   */
  constructor({ udx, engine, sockets, rawStreams }, link, { socket, localId, remoteId, remote }) {
    super(udx, localId, {}, link, engine)

    this.remoteId = remoteId
    this.remoteHost = remote.host
    this.remotePort = remote.port
    this.remoteFamily = 4

    // a program may look for the first time when the connection has closed
    if (!link.isKnown) return
    this.socket = sockets.attach(socket, this)
    track(rawStreams, this)
  }
}
