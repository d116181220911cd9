// What a node does about each control event of border.js. State changes first, then the program is
// told: its listeners may throw.

const errors = require('../errors')
const lifecycle = require('./lifecycle')
const IncomingRequest = require('../request/incoming-request')
const { accept } = require('../server/accept')
const { answer } = require('../server/hooks')
const { Persistent, toNode } = require('./views')

module.exports = {
  listening(dht) {
    dht.emit('listening')
  },

  natUpdate(dht, { host, port }) {
    dht.host = host
    dht.port = port
    dht.emit('nat-update', host, port)
  },

  // A node that is destroyed first has not become ready, whatever was under way.
  ready(dht) {
    if (dht.destroyed) return
    dht.bootstrapped = true
    dht._bootstrapping.resolve()
    dht.emit('ready')
  },

  persistent(dht, { id }) {
    dht._id = id
    dht.ephemeral = false
    dht._persistent ||= new Persistent(dht)
    dht.emit('persistent')
  },

  ephemeral(dht) {
    dht.ephemeral = true
    dht.emit('ephemeral')
  },

  wakeup(dht) {
    dht.emit('wakeup')
  },

  firewalled(dht, { firewalled }) {
    dht.firewalled = firewalled
  },

  health(dht, { online, degraded }) {
    dht.online = online
    dht.degraded = degraded
    dht.emit('network-update')
  },

  networkChange(dht, { interfaces }) {
    try {
      dht.emit('network-change', interfaces)
    } finally {
      dht.emit('network-update')
    }
  },

  suspended(dht, { server }) {
    if (server === null) lifecycle.onsuspended(dht)
    else dht._servers.get(server)?._onsuspended()
  },

  resumed(dht, { failure }) {
    lifecycle.onresumed(dht, failure && errors.from(failure))
  },

  nodeAdded(dht, node) {
    dht.emit('add-node', toNode(node))
  },

  nodeRemoved(dht, node) {
    dht.emit('remove-node', toNode(node))
  },

  serverListening(dht, { server }) {
    dht._servers.get(server)?._onlistening()
  },

  serverFailed(dht, { server, failure }) {
    dht._servers.get(server)?._onfailed(failure)
  },

  serverRelays(dht, { server, relays }) {
    dht._servers.get(server)?._onrelays(relays)
  },

  serverClosed(dht, { server }) {
    dht._servers.get(server)?._onclosed()
  },

  // A server that closes gets these as well: the core let the client in before it knew.
  connection(dht, { server: id, ...accepted }) {
    const server = dht._servers.get(id)
    if (server) accept(dht, server, accepted)
    else dht._native.command('destroyConn', { conn: accepted.conn })
  },

  opened(dht, { conn, ...transport }) {
    dht._conns.get(conn)?._onopened(transport)
  },

  remoteEnd(dht, { conn }) {
    dht._conns.get(conn)?._onremoteend()
  },

  // streamx says 'finish' when the end is written, as the reference does
  finished() {},

  flushed(dht, { conn, flush }) {
    dht._conns.get(conn)?.rawStream._onflushed(flush)
  },

  closed(dht, { conn, failure }) {
    const stream = dht._conns.get(conn)
    dht._conns.delete(conn)
    stream?._onclosed(failure && errors.from(failure))
  },

  ask(dht, { ask, question }) {
    answer(dht, question).then(accept => dht._native.command('answer', { ask, accept }))
  },

  async sign(dht, { server: id, tag, ...wanted }) {
    const server = dht._servers.get(id)
    const signature = server ? await server._onsign(wanted) : null
    dht._native.command('signed', { server: id, tag, signature })
  },

  queryReply(dht, { query, reply }) {
    dht._queries.get(query)?._onreply(reply)
  },

  queryDone(dht, { query, ...done }) {
    dht._queries.get(query)?._ondone(done)
  },

  reply(dht, event) {
    dht._requests._onreply(event)
  },

  incomingRequest(dht, received) {
    const req = new IncomingRequest(dht, received)
    const refused = dht.onrequest(req) === false
    if (refused) req.sendReply(errors.UNKNOWN_COMMAND, null, false, true)
  },

  datagram(dht, { socket, from, data }) {
    dht.onmessage(dht._socketView(socket), data, { host: from.host, family: 4, port: from.port })
  },

  localChecked(dht, event) {
    dht._localAddresses._onchecked(event)
  },

  destroyed(dht) {
    dht._gone.resolve()
  },

  failed(dht, { failure }) {
    return lifecycle.onfailed(dht, errors.from(failure))
  }
}
