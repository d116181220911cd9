// A blind relay, and what two ends need to use it. That of the reference is the npm module
// blind-relay, on one of its nodes.

const b4a = require('b4a')

const { DHT, native } = require('./implementation')
const { answerCpu } = require('./meter')

exports.roles = { relay }

async function relay({ bootstrap }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  const server = native ? dht.createRelay() : referenceRelay(dht)
  await server.listen(DHT.keyPair())
  answerCpu()
  process.send({ key: b4a.toString(server.publicKey, 'hex') })
}

/** Two ends that do not punch. */
exports.APART = {
  server: { holepunch: () => false, shareLocalAddress: false },
  client: { holepunch: () => false, localConnection: false, fastOpen: false }
}

/** The options of a client that names a relay by its hex key. */
exports.through = function through(key) {
  return { ...exports.APART.client, relayThrough: b4a.from(key, 'hex') }
}

function referenceRelay(dht) {
  const BlindRelay = require('blind-relay')
  const pairer = new BlindRelay.Server({
    createStream: opts => dht.createRawStream({ ...opts, framed: true })
  })
  return dht.createServer({ shareLocalAddress: false }, conn => {
    conn.on('error', noop)
    pairer.accept(conn, { id: conn.remotePublicKey }).on('error', noop)
  })
}

function noop() {}
