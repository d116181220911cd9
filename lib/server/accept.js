// Turns a client that the core has let in into a 'connection' event of its server.
//
// The core decides by itself if no hook is set, and JavaScript may be busy meanwhile. So the event
// lists the questions that the core has not asked. If a hook has been set since, it is asked first.
// The event also has the keep-alive of the connection, because the default may have changed since.

const { answerAll } = require('./hooks')
const { interval } = require('../util/check')
const Channel = require('../connection/channel')
const context = require('../native/context')
const { carryStream } = require('../connection/foreign-connection')
const NoiseSecretStream = require('../connection/secret-stream')
const rethrow = require('../util/rethrow')

/**
 * @typedef {object} Accepting
 * @property {Buffer} publicKey of the server
 * @property {(question: object) => boolean} asks whether the server has a hook for a question
 * @property {() => boolean} refuses whether the client comes too late
 * @property {(stream: NoiseSecretStream) => void} onconnection
 *
 * @param {import('../dht/internals')} internals
 * @param {Accepting} server
 * @param {object} accepted the event of border.js
 */
exports.accept = function accept(internals, server, accepted) {
  const client = internals.connections.get(accepted.opened.conn) || null
  const isForeign = client !== null && client.createSecretStream !== null
  const connection = isForeign
    ? carryConnection(internals, server, client, accepted)
    : openConnection(internals, server, client, accepted)

  const unasked = client === null ? accepted.unasked : [...client.unasked, ...accepted.unasked]
  const questions = unasked.filter(server.asks)
  if (questions.length === 0) return connection.deliver()
  ask(server, connection.stream, answerAll(internals, questions), connection.admit)
}

// A connection of the node's own secret stream. The program may have made the handshake.
function openConnection(internals, server, client, { opened, keepAlive }) {
  const { connectionKeepAlive } = internals.dht
  const channel = new Channel(internals)
  const stream = new NoiseSecretStream(false, channel, {
    publicKey: client?.result.publicKey || server.publicKey,
    remotePublicKey: client?.result.remotePublicKey || opened.remotePublicKey,
    keepAlive: connectionKeepAlive
  })
  channel.adopt(opened.conn)
  if (keepAlive !== interval(connectionKeepAlive)) stream.setKeepAlive(connectionKeepAlive)

  const hand = () => {
    try {
      channel.setup(opened)
      server.onconnection(stream)
    } catch (err) {
      rethrow(err)
    }
  }
  const deliver = () => context.run(channel, hand)
  const admit = () => {
    // in microtasks: an exception of a listener is uncaught, and the stream opens all the same
    queueMicrotask(deliver)
    queueMicrotask(() => channel.continueOpening())
  }
  return { stream, deliver, admit }
}

// A connection whose secret stream the program makes.
function carryConnection(internals, server, client, { opened }) {
  const rawStream = carryStream(internals, opened)
  const deliver = () => {
    const options = { handshake: client.result, keepAlive: internals.dht.connectionKeepAlive }
    server.onconnection(create(client, rawStream, options))
  }
  return { stream: rawStream, deliver, admit: () => queueMicrotask(deliver) }
}

// The exception of the program is uncaught, and the client learns that there is no connection.
function create(client, rawStream, options) {
  try {
    return client.createSecretStream(false, rawStream, options)
  } catch (err) {
    rawStream.destroy()
    throw err
  }
}

// Data that arrives meanwhile waits in the stream, which opens when the program gets it. The
// program does not see errors before that.
async function ask(server, stream, answers, admit) {
  stream.on('error', noop)
  const admitted = await answers
  if (!admitted || server.refuses()) stream.destroy()
  if (stream.destroying) return

  stream.off('error', noop)
  admit()
}

function noop() {}
