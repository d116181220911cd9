// Handlers of the core's control events, by the names in border.js. Each takes the node's internals
// and the event. It changes the state first and calls listeners last, because they may throw.

const IncomingRequest = require('../request/incoming-request')
const IncomingSubscription = require('../request/incoming-subscription')
const errors = require('../errors')
const refusedTrace = require('../connection/trace')
const { verdict } = require('../server/hooks')
const { toNode } = require('./views')
const udxEvents = require('../udx/events')

module.exports = {
  ...udxEvents,

  listening({ dht }) {
    dht.emit('listening')
  },

  natUpdate({ dht, state }, { host, port }) {
    state.onaddress({ host, port })
    dht.emit('nat-update', host, port)
  },

  // A destroyed node does not become ready, even if the core had finished its bootstrap.
  ready({ dht, lifecycle }) {
    if (dht.destroyed) return
    lifecycle.onready()
    dht.emit('ready')
  },

  persistent({ dht, native, state }, { id }) {
    state.onpersistent(id, native)
    dht.emit('persistent')
  },

  ephemeral({ dht, state }) {
    state.onephemeral()
    dht.emit('ephemeral')
  },

  wakeup({ dht }) {
    dht.emit('wakeup')
  },

  notFirewalled({ state }) {
    state.onnotfirewalled()
  },

  health({ dht, state }, { online, degraded }) {
    state.onhealth({ online, degraded })
    dht.emit('network-update')
  },

  networkChange(internals, { interfaces }) {
    const { dht } = internals
    try {
      udxEvents.networkChange(internals, { interfaces })
      dht.emit('network-change', interfaces)
    } finally {
      dht.emit('network-update')
    }
  },

  suspended({ lifecycle }) {
    lifecycle.onsuspended()
  },

  resumed({ lifecycle, native }, { failure }) {
    lifecycle.onresumed(failure && (native.takeRefusal() || errors.from(failure)))
  },

  nodeAdded({ dht }, { node }) {
    dht.emit('add-node', toNode(node))
  },

  nodeRemoved({ dht }, { node }) {
    dht.emit('remove-node', toNode(node))
  },

  serverListening({ servers }, { server }) {
    servers.get(server)?.onlistening()
  },

  serverFailed({ servers }, { server, failure }) {
    servers.get(server)?.onfailed(failure)
  },

  serverRelays({ servers }, { server, relays }) {
    servers.get(server)?.onrelays(relays)
  },

  serverClosed({ servers }, { server }) {
    servers.get(server)?.onclosed(null)
  },

  serverSuspended({ servers }, { server }) {
    servers.get(server)?.onsuspended()
  },

  // The server may be gone: the core accepted the client before it received the command to close.
  connection({ connections, native, servers }, { connection }) {
    const { opened } = connection
    const server = servers.get(connection.server)
    if (server) return server.onconnection(connection)
    native.command('destroyConn', { conn: opened.conn })
    connections.delete(opened.conn)
  },

  opened({ connections }, { opened }) {
    connections.get(opened.conn)?.onopened(opened)
  },

  rawMessage({ connections }, { conn, data }) {
    connections.get(conn)?.onrawmessage(data)
  },

  ask(internals, { ask, question }) {
    if (question.kind === 'streamFirewall') return udxEvents.ask(internals, { ask, question })
    if (question.kind === 'node') return filterNode(internals, { ask, question })
    verdict(internals, question).then(answer => {
      internals.native.command('answer', { ask, answer })
    })
  },

  async sign({ native, servers }, { server: id, tag, wanted }) {
    const server = servers.get(id)
    const signature = server ? await server.onsign(wanted) : null
    native.command('signed', { server: id, tag, signature })
  },

  queryReply({ queries }, { query, reply }) {
    queries.get(query)?.onreply(reply)
  },

  queryDone({ queries }, { query, closest, tally, outcome }) {
    queries.get(query)?.ondone({ closest, tally, outcome })
  },

  reply({ requests }, { request, outcome }) {
    requests.onreply({ request, outcome })
  },

  incomingRequest(internals, { request }) {
    const req = new IncomingRequest(internals, request)
    const refused = internals.dht.onrequest(req) === false
    if (refused) req.sendReply(errors.UNKNOWN_COMMAND, null, false, true)
  },

  datagram({ dht, sockets }, { socket, from, data }) {
    if (sockets.isBound(socket)) return udxEvents.datagram({ sockets }, { socket, from, data })
    dht.onmessage(sockets.view(socket), data, from)
  },

  copiedDatagram({ sockets, subscription }, { socket, from, data }) {
    if (!sockets.oncopy(socket, data, from)) subscription.remove(IncomingSubscription.COPIES)
  },

  localChecked({ localAddresses }, { host, valid }) {
    localAddresses.onchecked({ host, valid })
  },

  destroyed({ lifecycle }) {
    lifecycle.ondestroyed()
  },

  failed({ lifecycle }) {
    return lifecycle.onfailed(errors.from(FAILED, refusedTrace('nodeFailed')))
  }
}

// A filter that throws refuses the node, and the exception is uncaught, as in dht-rpc.
function filterNode({ filterNode: accepts, native }, { ask, question }) {
  const { id, address } = question
  let kind = 'reject'
  try {
    if (accepts({ id, host: address.host, port: address.port })) kind = 'accept'
  } finally {
    native.command('answer', { ask, answer: { kind } })
  }
}

/** A panic has ended the core. */
const FAILED = { code: 'NODE_FAILED', message: 'Node failed' }
