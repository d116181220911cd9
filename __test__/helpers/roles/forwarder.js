// A process that every datagram of a network passes through: a path with delay and loss. It runs in
// Node.
//
// Each socket behind it has an alias here, and the others know only the alias. A datagram from
// socket A to the alias of socket B goes on to socket B, from the alias of socket A.

const dgram = require('node:dgram')
const { once } = require('node:events')
const serve = require('../role')
const { generator } = require('../random')

const aliases = new Map()

let path = { delay: 0, loss: 0 }
let random = null
const counters = { forwarded: 0, lost: 0 }

serve({
  /** Gives a socket its alias, at a host of our own; resolves with the port. */
  async start({ port, seed }) {
    random = generator(seed)
    const alias = await open(port, port)
    return { port: alias.address().port }
  },

  /** Milliseconds one way, and the share that is lost. */
  setPath(next) {
    path = next
  },

  counters() {
    return counters
  }
})

/** The alias of the socket at `port`. */
function open(port, own = 0) {
  const pending = aliases.get(port)
  if (pending) return pending

  const alias = bind(port, own)
  aliases.set(port, alias)
  return alias
}

async function bind(port, own) {
  const socket = dgram.createSocket({
    type: 'udp4',
    recvBufferSize: BUFFER,
    sendBufferSize: BUFFER
  })
  socket.bind(own, ALIASES)
  await once(socket, 'listening')
  socket.on('message', (data, from) => forward(data, from.port, port))
  return socket
}

async function forward(data, from, to) {
  counters.forwarded++
  if (data.byteLength > SMALL && random() < path.loss) {
    counters.lost++
    return
  }
  const alias = await open(from)
  if (path.delay === 0) alias.send(data, to, BEHIND)
  else setTimeout(() => alias.send(data, to, BEHIND), path.delay)
}

/** Where the others are, and where they see each other. */
const BEHIND = '127.0.0.2'
const ALIASES = '127.0.0.1'

const BUFFER = 4 * 1024 * 1024

/** Only data is lost: a lost request of the DHT would only make the test longer. */
const SMALL = 1000
