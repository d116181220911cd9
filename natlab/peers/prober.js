// Finds out which NAT its host is behind, in the terms of RFC 4787. It asks two hosts with two
// sockets each.

const dgram = require('dgram')
const { once } = require('events')

process.once('disconnect', () => process.exit())
process.once('message', async ({ places }) => process.send(await probe(places)))

async function probe([first, otherPort, otherHost]) {
  const prober = await Prober.open()
  // the kernel takes up to a second to use a cable that is new
  for (let i = 0; i < 5 && (await prober.ask(first)) === null; i++);
  const start = performance.now()
  if ((await prober.ask(first)) === null) {
    return { mapping: 'none', filtering: 'all', dies: true, rtt: null }
  }
  const rtt = performance.now() - start

  // before anything is sent to the other host: a firewall may let in what any socket has sent to
  const fromHost = await prober.ask(first, otherHost)
  const fromPort = await prober.ask(first, otherPort)
  const dies = (await prober.ask(first, first, OPENER_TTL)) === null

  const fresh = await Prober.open()
  const seen = await fresh.ask(first)
  const elsewhere = await fresh.ask(otherHost)
  return {
    mapping: mapping(fresh.port, seen, elsewhere),
    filtering: fromHost ? 'none' : fromPort ? 'address' : 'address and port',
    dies,
    rtt: Math.round(rtt)
  }
}

function mapping(local, first, second) {
  if (first === second) return first === local ? 'preserving' : 'independent'
  return second - first === 1 ? 'sequential' : 'random'
}

class Prober {
  static async open() {
    const prober = new Prober()
    await once(prober._socket, 'listening')
    return prober
  }

  constructor() {
    this._socket = dgram.createSocket('udp4').bind(0)
    this._questions = 0
  }

  get port() {
    return this._socket.address().port
  }

  /** The port that the asked socket sees; null when no answer comes. */
  async ask(place, via = place, ttl = 64) {
    const [host, port] = place.split(':')
    const id = this._questions++
    this._socket.setTTL(ttl)
    this._socket.send(JSON.stringify({ id, via }), Number(port), host)
    return new Promise(resolve => {
      const timer = setTimeout(resolve, PATIENCE, null)
      this._socket.on('message', message => {
        const answer = JSON.parse(message)
        if (answer.id !== id) return
        clearTimeout(timer)
        resolve(answer.port)
      })
    })
  }
}

/** Milliseconds: some round trips. */
const PATIENCE = 500

/** That of the packets that open the sender's NAT only. */
const OPENER_TTL = 5
