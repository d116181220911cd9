// Bulk over one connection of Node's TLS 1.3.
//
//   node bench/rivals/tls.js server <chacha20|aes> <bytes>
//   node bench/rivals/tls.js client <chacha20|aes> <bytes> <port> <key>
//
// Each line of the output is JSON. The server prints its port and a key that both ends share, which
// spares a certificate; and when it has received everything, the seconds since the first byte and
// its CPU time. The client prints its CPU time from the open connection to the server's answer.

const crypto = require('crypto')
const tls = require('tls')

const SUITES = {
  chacha20: 'TLS_CHACHA20_POLY1305_SHA256',
  aes: 'TLS_AES_128_GCM_SHA256'
}
const ROLES = { server, client }
const WRITE = 64 * 1024

const [role, cipher, bytes, ...rest] = process.argv.slice(2)
ROLES[role](SUITES[cipher], Number(bytes), ...rest)

function server(ciphers, expected) {
  const psk = crypto.randomBytes(32)
  const options = { ...common(ciphers), pskCallback: () => psk }
  const listening = tls.createServer(options, socket => {
    let [received, start, cpu] = [0, 0n, null]
    socket.on('data', data => {
      if (received === 0) {
        start = process.hrtime.bigint()
        cpu = process.cpuUsage()
      }
      received += data.byteLength
      if (received < expected) return
      const seconds = Number(process.hrtime.bigint() - start) / 1e9
      print({ seconds, cpu: cpuSeconds(cpu) })
      socket.end('done')
      listening.close()
    })
  })
  listening.listen(0, '127.0.0.1', () => {
    print({ port: listening.address().port, key: psk.toString('hex') })
  })
}

function client(ciphers, bytes, port, key) {
  const psk = { psk: Buffer.from(key, 'hex'), identity: 'client' }
  const options = { ...common(ciphers), pskCallback: () => psk, checkServerIdentity: () => {} }
  const block = Buffer.alloc(WRITE, 0x5a)
  let left = bytes
  const socket = tls.connect({ ...options, port: Number(port), host: '127.0.0.1' }, () => {
    const cpu = process.cpuUsage()
    socket.once('data', () => {
      print({ cpu: cpuSeconds(cpu), suite: socket.getCipher().standardName })
      socket.end()
    })
    socket.on('drain', fill)
    fill()
  })

  function fill() {
    while (left > 0) {
      const size = Math.min(left, WRITE)
      left -= size
      if (!socket.write(block.subarray(0, size))) return
    }
  }
}

function common(ciphers) {
  return { ciphers, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' }
}

function cpuSeconds(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

function print(line) {
  console.log(JSON.stringify(line))
}
