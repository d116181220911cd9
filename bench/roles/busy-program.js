// The measured program of event-loop.js, in Node or in Bare: keeps connections busy, and prints
// how late its timers were, in milliseconds, and the bytes that were moved meanwhile.

const b4a = require('b4a')
const { process } = require('../../__test__/helpers/runtime')
const { DHT } = require('../../__test__/helpers/implementation')
const watch = require('./lateness')
const opened = require('./opened')

main(JSON.parse(process.argv[2]))

async function main({ bootstrap, key, writes, connections, seconds, warmup, size }) {
  const dht = new DHT({ bootstrap, host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  const conns = Array.from({ length: connections }, () => {
    const conn = dht.connect(b4a.from(key, 'hex'), { keyPair: DHT.keyPair() })
    conn.on('error', noop)
    return conn
  })
  await Promise.all(conns.map(opened))
  const bytes = writes ? write(conns, b4a.alloc(size, 0x5a)) : read(conns)

  await measure(warmup)
  const before = bytes()
  const lateness = await measure(seconds)
  const moved = bytes() - before
  console.log(JSON.stringify({ lateness, bytes: moved }))
  process.exit()
}

/** Writes as fast as 'drain' allows. Returns a function that counts. */
function write(conns, block) {
  let written = 0
  const fill = conn => {
    do {
      written += block.byteLength
    } while (conn.write(block))
  }
  for (const conn of conns) {
    conn.on('drain', () => fill(conn))
    fill(conn)
  }
  return () => written
}

function read(conns) {
  let received = 0
  for (const conn of conns) {
    conn.on('data', data => {
      received += data.byteLength
    })
  }
  return () => received
}

/** Resolves with how late timers were, for some seconds. */
function measure(seconds) {
  const stop = watch()
  return new Promise(resolve => setTimeout(() => resolve(stop()), seconds * 1e3))
}

function noop() {}
