// Options whose getters throw at the first read, at the second, and so on. The call fails and
// leaves nothing behind.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { node, testnet, closed } = require('../helpers/fixtures')

const CALLS = {
  connect: {
    options: () => ({
      keyPair: DHT.keyPair(),
      relayAddresses: [{ host: '127.0.0.1', port: 1 }],
      holepunch: () => true,
      localConnection: true,
      fastOpen: true
    }),
    async call(dht, opts) {
      const conn = dht.connect(b4a.alloc(32, 1), opts)
      const ending = closed(conn)
      conn.destroy()
      await ending
    }
  },
  'listen, with a key pair': {
    options: () => DHT.keyPair(),
    async call(dht, keyPair) {
      const server = dht.createServer()
      await server.listen(keyPair)
      await server.close()
    }
  },
  createServer: {
    options: () => ({ firewall: () => false, holepunch: () => true, shareLocalAddress: true }),
    async call(dht, opts) {
      const server = dht.createServer(opts)
      await server.listen(DHT.keyPair())
      await server.close()
    }
  },
  request: {
    options: () => ({ retry: false, ttl: 64, socket: null, session: null }),
    call: (dht, opts) => dht.request({ command: 77 }, peer(dht), opts).catch(expected)
  },
  'request, with a message': {
    options: () => ({
      command: 77,
      target: b4a.alloc(32),
      token: b4a.alloc(32),
      value: b4a.alloc(3)
    }),
    call: (dht, message) => dht.request(message, peer(dht), { retry: false }).catch(expected)
  },
  'request, in something that is no session': {
    options: () => ({ session: {} }),
    call: (dht, opts) => dht.request({ command: 77 }, peer(dht), opts)
  },
  query: {
    options: () => ({ concurrency: 2, retries: 1, nodes: [], force: false, map: reply => reply }),
    call: (dht, opts) => dht.query({ target: b4a.alloc(32), command: 77 }, opts).finished()
  },
  announce: {
    options: () => ({ bump: 1, clear: true, concurrency: 3 }),
    call: (dht, opts) => dht.announce(b4a.alloc(32), DHT.keyPair(), [], opts).finished()
  },
  'announce, with a key pair': {
    options: () => DHT.keyPair(),
    call: (dht, keyPair) => dht.announce(b4a.alloc(32), keyPair, []).finished()
  },
  mutablePut: {
    options: () => ({ seq: 1, retries: 1, concurrency: 3 }),
    call: (dht, opts) => dht.mutablePut(DHT.keyPair(), b4a.from('value'), opts)
  },
  mutableGet: {
    options: () => ({ seq: 1, latest: true, refresh: () => false }),
    call: (dht, opts) => dht.mutableGet(b4a.alloc(32), opts)
  }
}

for (const [name, { options, call }] of Object.entries(CALLS)) {
  test(`nothing is kept of a call whose options throw: ${name}`, async t => {
    const dht = await node(t, await testnet(t))
    const before = kept(dht)
    let failed = 0
    while (await fails(() => call(dht, throwing(options(), failed)))) {
      t.alike(kept(dht), before, `read ${failed} throws`)
      if (++failed === MAX_READS) break
    }
    t.ok(failed > 0, `${failed} reads have thrown`)
  })
}

test('a log that throws leaves a node that connects', async t => {
  const dht = await node(t, await testnet(t))
  const server = dht.createServer()
  await server.listen()

  await t.exception(dht.suspend({ log: expire }), /expired/)
  const conn = dht.connect(b4a.alloc(32, 1))
  const ending = closed(conn)
  t.is(conn.destroying, false)
  conn.destroy()
  await ending

  await t.exception(server.suspend({ log: lastly() }), /expired/)
  await server.resume()
  await server.suspend()
  t.is(server.suspended, true)
})

/** The same properties. The first `reads` reads succeed, and the next one throws. */
function throwing(options, reads) {
  return new Proxy(options, {
    get(target, name) {
      if (reads-- === 0) throw new Error('expired')
      return target[name]
    }
  })
}

async function fails(call) {
  try {
    await call()
    return false
  } catch {
    return true
  }
}

function kept(dht) {
  const { jsConnections, jsServers, jsQueries, jsRequests } = dht._live()
  const listening = dht.listening.size
  return { jsConnections, jsServers, jsQueries, jsRequests, listening }
}

function peer(dht) {
  return dht.bootstrapNodes[0]
}

// No node serves the command. This error does not come from the options.
function expected(err) {
  if (err.message === 'expired') throw err
}

function expire() {
  throw new Error('expired')
}

// Throws from the second call on.
function lastly() {
  let calls = 0
  return () => {
    if (++calls > 1) expire()
  }
}

/** The test ends here for options that throw at every read. */
const MAX_READS = 40
