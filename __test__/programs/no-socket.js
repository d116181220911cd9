// A hook refuses the socket of one connect; the next connect finds no descriptors. Prints why each
// has failed.
//
// Arguments: the port of a bootstrap node on this host, and the public key of a server.

const b4a = require('b4a')
const { DHT, UDX } = require('../helpers/implementation')
const { closed } = require('../helpers/fixtures')
const { process } = require('../helpers/runtime')

const HOST = '127.0.0.1'

// more than a process with 256 descriptors gives to its nodes
const SOCKETS = 195

const [port, publicKey] = process.argv.slice(2)
let refuses = false

main()

async function main() {
  const bootstrap = [{ host: HOST, port: Number(port) }]
  const dht = new DHT({ bootstrap, host: HOST, quickFirewall: false, protect })
  await dht.fullyBootstrapped()

  refuses = true
  await connect(dht)
  refuses = false

  const udx = new UDX()
  const sockets = Array.from({ length: SOCKETS }, () => udx.createSocket())
  for (const socket of sockets) socket.bind(0, HOST)
  await connect(dht)

  for (const socket of sockets) await socket.close()
  await dht.destroy()
}

async function connect(dht) {
  const options = { localConnection: false, fastOpen: false }
  const err = await closed(dht.connect(b4a.from(publicKey, 'hex'), options))
  console.log(err.trace.reason, err.cause?.message)
}

function protect() {
  if (refuses) throw new Error('refused')
}
