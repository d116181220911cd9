// protomux-rpc over a connection.

const b4a = require('b4a')
const DHT = require('hyperdht')
const ProtomuxRPC = require('protomux-rpc')
const { crypto } = require('../../helpers/runtime')
const serve = require('../../helpers/role')

let dht = null

const emit = serve({
  async listen({ bootstrap }) {
    dht = new DHT({ bootstrap })
    const server = dht.createServer(conn => {
      conn.on('error', noop)
      const rpc = new ProtomuxRPC(conn, { id: b4a.from('test') })
      rpc.respond('sha256', sha256)
      rpc.on('close', () => emit('closed'))
    })
    await server.listen()
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Resolves with how many answers were right, when the channel has ended. */
  async ask({ bootstrap, publicKey, requests }) {
    dht = new DHT({ bootstrap })
    const conn = dht.connect(b4a.from(publicKey, 'hex'))
    const rpc = new ProtomuxRPC(conn, { id: b4a.from('test') })
    const answers = await Promise.all(Array.from({ length: requests }, () => hashed(rpc)))
    await rpc.end()
    return answers.filter(Boolean).length
  },

  async destroy() {
    await dht.destroy()
  }
})

async function hashed(rpc) {
  const value = crypto.randomBytes(1 + Math.floor(Math.random() * MAX_REQUEST))
  return b4a.equals(await rpc.request('sha256', value), sha256(value))
}

function sha256(data) {
  return crypto.createHash('sha256').update(data).digest()
}

function noop() {}

const MAX_REQUEST = 64 * 1024
