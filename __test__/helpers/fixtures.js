// Small pieces that the API tests share.

const { DHT, createTestnet } = require('./implementation')

/** A testnet of `size` nodes that goes away with the test `t`. */
exports.testnet = function testnet(t, size = 4) {
  return createTestnet(size, t.teardown)
}

/** A node of its own on the testnet, not firewalled by a pending check. */
exports.node = async function node(t, net, options = {}) {
  const dht = new DHT({ bootstrap: net.bootstrap, host: '127.0.0.1', ...options })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}

/** A connected pair of streams: { server, client, dhts: [serverDht, clientDht], listener }. */
exports.pair = async function pair(t, net, serverOptions = {}, clientOptions = {}) {
  const serverDht = await exports.node(t, net)
  const clientDht = await exports.node(t, net)
  const listener = serverDht.createServer(serverOptions)
  await listener.listen(DHT.keyPair())

  const connection = exports.once(listener, 'connection')
  const client = clientDht.connect(listener.publicKey, clientOptions)
  client.on('error', noop)
  const server = await connection
  server.on('error', noop)
  await Promise.all([client.opened, server.opened])

  return { server, client, dhts: [serverDht, clientDht], listener }
}

/** Resolves with the first argument of the next `event`. */
exports.once = function once(emitter, event) {
  return new Promise(resolve => emitter.once(event, resolve))
}

/** Resolves when `emitter` has closed, with the error that came before, or null. */
exports.closed = function closed(stream) {
  return new Promise(resolve => {
    let error = null
    stream.on('error', err => {
      error = err
    })
    if (stream.destroyed) return resolve(error)
    stream.on('close', () => resolve(error))
  })
}

/** Records the names of `events` in the order they come. */
exports.record = function record(emitter, events) {
  const seen = []
  for (const name of events) emitter.on(name, () => seen.push(name))
  return seen
}

exports.sleep = function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** The error that a call throws. Null if it does not throw. */
exports.thrown = function thrown(call) {
  try {
    call()
  } catch (err) {
    return err
  }
  return null
}

/** The error that a promise rejects with. Null if it resolves. */
exports.rejected = function rejected(promise) {
  return promise.then(
    () => null,
    err => err
  )
}

function noop() {}
