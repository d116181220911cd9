// Processes of the DHT's benchmarks: serving nodes, one node that is queried, and one that queries.

const b4a = require('b4a')

const { createTestnet, DHT } = require('./implementation')
const { answerCpu, cpuSeconds, message, settledMemory } = require('./meter')

module.exports = { testnet, served, announcer, querier, putter }

/** Starts a network and reports its cost. After that, reports its CPU time at each message. */
async function testnet({ size }) {
  const memory = settledMemory()
  const cpu = process.cpuUsage()
  const { bootstrap } = await createTestnet(size)
  const used = cpuSeconds(cpu)
  const bytes = settledMemory() - memory
  answerCpu()
  process.send({ bootstrap, cpu: used, bytes })
}

/** One persistent node of a network. */
async function served({ bootstrap }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1', ephemeral: false, firewalled: false })
  await dht.fullyBootstrapped()
  answerCpu()
  process.send({ port: dht.address().port })
}

/**
 * Announces peers of a topic, and the key of a server, until the node at a port has stored both.
 */
async function announcer({ bootstrap, port, peers, relays }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  const relayAddresses = Array.from({ length: relays }, (_, i) => ({
    host: '127.0.0.1',
    port: 1000 + i
  }))

  const topic = await untilStored(async target => {
    for (let i = 0; i < peers; i++) {
      await dht.announce(target, DHT.keyPair(), relayAddresses).finished()
    }
    return target
  })
  const key = await untilStored(async () => {
    const keyPair = DHT.keyPair()
    const target = DHT.hash(keyPair.publicKey)
    await dht.announce(target, keyPair, relayAddresses).finished()
    return target
  })
  process.send({ topic, key })

  async function untilStored(announce) {
    for (let i = 0; i < 100; i++) {
      const target = await announce(DHT.hash(b4a.from(`topic ${i} of ${process.pid}`)))
      for await (const { from } of dht.lookup(target)) {
        if (from.port === port) return b4a.toString(target, 'hex')
      }
    }
    throw new Error('the node is never among the closest')
  }
}

/** Runs queries for something that no node has, one after another. */
async function querier({ bootstrap, query, rounds, warmup }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  const times = []
  const ask = i => dht[query](DHT.hash(b4a.from(`query ${i}`))).finished()

  for (let i = 0; i < warmup; i++) await ask(-i)
  process.send({ ready: true })
  await message()

  const cpu = process.cpuUsage()
  for (let i = 0; i < rounds; i++) {
    const start = process.hrtime.bigint()
    await ask(i)
    times.push(Number(process.hrtime.bigint() - start) / 1e3)
  }
  process.send({ times, cpu: cpuSeconds(cpu) })
}

/** Stores values, several at once. */
async function putter({ bootstrap, store, rounds, warmup, parallel }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  let next = 0
  const puts = async until => {
    while (next < until) await put(next++)
  }
  const run = until => Promise.all(Array.from({ length: parallel }, () => puts(until)))

  await run(warmup)
  process.send({ ready: true })
  await message()

  const start = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  await run(warmup + rounds)
  process.send({ seconds: Number(process.hrtime.bigint() - start) / 1e9, cpu: cpuSeconds(cpu) })

  function put(i) {
    const value = b4a.from(`value ${i} of ${process.pid}`)
    if (store === 'immutablePut') return dht.immutablePut(value)
    return dht.announce(DHT.hash(value), dht.defaultKeyPair).finished()
  }
}
