/**
 * The link of the raw stream below a connection. The secret stream reads and writes, so only
 * messages of the program, and changes of the path, go this way.
 */
module.exports = class RawSide {
  /** @param {import('./channel')} channel */
  constructor(channel) {
    this._channel = channel
    this._ownMoves = 0 // of the program, that the core will report
  }

  get conn() {
    return this._channel.conn
  }

  get hasUnacknowledged() {
    return this._channel.hasUnacknowledged
  }

  /**
   * @param {import('./raw-stream')} stream
   * @param {import('../udx/raw-link').Handlers} handlers
   */
  attach(stream, handlers) {
    const { sockets } = this._channel
    this._channel.attachRaw({
      ...handlers,
      onmessage: data => stream.emit('message', data),
      onmoved: ({ socket, remote }) => {
        if (this._ownMoves > 0) this._ownMoves--
        else if (!stream.destroying) handlers.onmoved(sockets.attach(socket, stream), remote)
      }
    })
  }

  changeRemote(remote) {
    if (this._channel.isKnown) this._ownMoves++
    this._channel.changeRemote(remote)
  }

  relayTo(target) {
    this._channel.relayTo(target)
  }

  setHeartbeat(interval) {
    this._channel.setHeartbeat(interval)
  }

  sendMessage(data) {
    this._channel.sendRaw(data)
  }

  flush() {
    return this._channel.flush()
  }

  measure() {
    return this._channel.measure()
  }

  resume() {}

  end() {}

  destroy() {}
}
