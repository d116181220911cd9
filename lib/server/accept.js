// Turns a client that the core has let in into a 'connection' event of its server.
//
// The core decides by itself if no hook is set, and JavaScript may be busy meanwhile. So the event
// lists the questions that the core has not asked. If a hook has been set since, it is asked first.
// The event also has the keep-alive of the connection, because the default may have changed since.

const { answerAll } = require('./hooks')
const { interval } = require('../util/check')
const Channel = require('../connection/channel')
const NoiseSecretStream = require('../connection/secret-stream')

/**
 * @typedef {object} Accepting
 * @property {Buffer} publicKey of the server
 * @property {(question: object) => boolean} asks whether the server has a hook for a question
 * @property {() => boolean} refuses whether the client comes too late
 * @property {(stream: NoiseSecretStream) => void} onconnection
 *
 * @param {import('../dht/internals')} internals
 * @param {Accepting} server
 * @param {object} accepted the event of border.js, without the server's number
 */
exports.accept = function accept(internals, server, { conn, keepAlive, unasked, ...transport }) {
  const { connectionKeepAlive } = internals.dht
  const channel = new Channel(internals)
  const stream = new NoiseSecretStream(false, channel, {
    publicKey: server.publicKey,
    remotePublicKey: transport.remotePublicKey,
    keepAlive: connectionKeepAlive
  })
  channel.adopt(conn)
  if (keepAlive !== interval(connectionKeepAlive)) stream.setKeepAlive(connectionKeepAlive)

  const deliver = () => {
    channel.setup(transport)
    server.onconnection(stream)
  }
  const questions = unasked.filter(server.asks)
  if (questions.length === 0) return deliver()
  ask(server, stream, answerAll(internals, questions), () => {
    // in microtasks: an exception of a listener is uncaught, and the stream opens all the same
    queueMicrotask(deliver)
    queueMicrotask(() => channel.continueOpening())
  })
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
