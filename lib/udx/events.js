// Handlers of the core's control events that streams and sockets need, by the names in border.js.
// Each takes the parts of the engine and the event.

const decide = require('./decide')
const errors = require('../errors')

module.exports = {
  remoteEnd({ connections }, { conn }) {
    connections.get(conn)?.onremoteend()
  },

  // streamx emits 'finish' when the end is written, and so does the reference
  finished() {},

  flushed({ connections }, { conn, flush }) {
    connections.get(conn)?.onflushed(flush)
  },

  pathChanged({ connections }, { conn, path }) {
    connections.get(conn)?.onpathchanged(path)
  },

  remoteChanged({ connections }, { conn }) {
    connections.get(conn)?.onremotechanged()
  },

  closed({ connections, native }, { conn, failure, stats, trace }) {
    const link = connections.get(conn)
    connections.delete(conn)
    if (!link) return
    const err = failure && native.explain(errors.from(failure, trace), link.refusalsBefore)
    link.onclosed(err, stats)
  },

  ask(parts, { ask, question }) {
    const kind = decide(parts, question) ? 'accept' : 'reject'
    parts.native.command('answer', { ask, answer: { kind } })
  },

  datagram({ sockets }, { socket, from, data }) {
    sockets.onmessage(socket, data, from)
  },

  socketClosed({ sockets }, { socket }) {
    sockets.onclosed(socket)
  },

  lookedUp({ lookups }, { lookup, address }) {
    const resolve = lookups.get(lookup)
    lookups.delete(lookup)
    resolve?.(address)
  },

  networkChange({ watchers }, { interfaces }) {
    for (const onchange of [...watchers]) onchange(interfaces)
  },

  destroyed(parts) {
    parts.close()
  },

  failed(parts) {
    parts.release(errors.from(FAILED))
    parts.close()
  }
}

/** A panic has ended the core. */
const FAILED = { code: 'NODE_FAILED', message: 'Node failed' }
