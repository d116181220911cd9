// @hyperswarm/rpc: a server that answers, and a client that asks.

const b4a = require('b4a')
const RPC = require('@hyperswarm/rpc')
const { crypto } = require('../../helpers/runtime')
const serve = require('../../helpers/role')

let rpc = null

const emit = serve({
  async listen({ bootstrap }) {
    rpc = new RPC({ bootstrap })
    const server = rpc.createServer()
    await server.listen()
    server.respond('reverse', request => b4a.from(request).reverse())
    server.respond('fail', () => {
      throw new Error('no answer')
    })
    server.respond('event', value => {
      emit('event', b4a.toString(value))
    })
    return { publicKey: b4a.toString(server.publicKey, 'hex') }
  },

  /** Asks `requests` times, many at a time; resolves with how many answers were right. */
  async ask({ bootstrap, publicKey, requests }) {
    rpc = new RPC({ bootstrap })
    const key = b4a.from(publicKey, 'hex')
    const answers = await Promise.all(Array.from({ length: requests }, () => reversed(key)))
    const failure = await rpc.request(key, 'fail', b4a.alloc(0)).catch(err => err)
    rpc.event(key, 'event', b4a.from('told'))
    return { right: answers.filter(Boolean).length, failure: failure.cause?.message }
  },

  /** A client of its own connection, which it ends in order. */
  async end({ publicKey }) {
    const client = rpc.connect(b4a.from(publicKey, 'hex'))
    const answer = await client.request('reverse', b4a.from('abc'))
    await client.end()
    return b4a.toString(answer)
  },

  async destroy() {
    await rpc.destroy()
  }
})

async function reversed(key) {
  const value = crypto.randomBytes(1 + Math.floor(Math.random() * MAX_REQUEST))
  const answer = await rpc.request(key, 'reverse', value)
  return b4a.equals(answer, b4a.from(value).reverse())
}

const MAX_REQUEST = 16 * 1024
