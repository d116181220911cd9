// A client that the core has let in becomes a 'connection' of its server.
//
// The core decides by itself about what no hook is set for, and JavaScript may be busy meanwhile. So
// it tells which questions it has not asked: those that there is a hook for by then are asked first.
// It tells which keep-alive the connection has, too: the default may be another one by then.

const { answerAll } = require('./hooks')
const { interval } = require('../util/options')
const NoiseSecretStream = require('../connection/secret-stream')

/**
 * @param {import('../..')} dht
 * @param {import('./server')} server
 * @param {object} accepted as of border.js, without the server's number
 */
exports.accept = function accept(dht, server, { conn, keepAlive, unasked, ...transport }) {
  const stream = new NoiseSecretStream(false, dht, {
    publicKey: server.publicKey,
    remotePublicKey: transport.remotePublicKey,
    keepAlive: dht.connectionKeepAlive
  })
  dht._conns.set(conn, stream)
  stream._attach(conn)
  if (keepAlive !== interval(dht.connectionKeepAlive)) stream.setKeepAlive(dht.connectionKeepAlive)

  const questions = unasked.filter(question => server._asks(question))
  if (questions.length === 0) deliver(server, stream, transport)
  else ask(dht, server, stream, transport, questions)
}

// What arrives meanwhile waits in the stream, which opens when the program gets it. Errors before
// that are none of the program's.
async function ask(dht, server, stream, transport, questions) {
  stream.on('error', noop)
  const admitted = await answerAll(dht, questions)
  if (!admitted || server._refuses()) stream.destroy()
  if (stream.destroying) return

  stream.off('error', noop)
  // in microtasks: an exception of a listener is uncaught, and the stream opens all the same
  queueMicrotask(() => deliver(server, stream, transport))
  queueMicrotask(() => stream._continueOpening())
}

function deliver(server, stream, transport) {
  stream._setup(transport)
  server.onconnection(stream)
}

function noop() {}
