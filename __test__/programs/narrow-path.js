// A relay whose path to a peer is narrower than a datagram that it gets, as after a probe of the
// path's size. Its network has an MTU of 1300 bytes. The system of the sender splits the large
// datagrams into fragments; the relay's sockets do not. Prints how many of the small datagrams, each
// of which follows a large one, have come through.

const dgram = require('dgram')
const b4a = require('b4a')
const { UDX } = require('../helpers/implementation')
const { sleep } = require('../helpers/fixtures')
const { childProcess } = require('../helpers/runtime')

const ROUNDS = 100
const LARGE = 1400
const SMALL = 100

main()

async function main() {
  ip('link', 'set', 'lo', 'mtu', '1300', 'up')
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const [sender, receiver] = [await bound(), await bound()]
  const [one, two] = [udx.createStream(1), udx.createStream(2)]
  one.relayTo(two)
  one.connect(socket, 11, sender.address().port)
  two.connect(socket, 12, receiver.address().port)

  const got = { [SMALL]: 0, [LARGE]: 0 }
  receiver.on('message', data => got[data.byteLength]++)
  const { port } = socket.address()
  for (let i = 0; i < ROUNDS; i++) {
    sender.send(packet(LARGE), port, '127.0.0.1')
    sender.send(packet(SMALL), port, '127.0.0.1')
    await sleep(1)
  }
  for (let i = 0; i < 100 && got[SMALL] < ROUNDS; i++) await sleep(20)
  console.log(JSON.stringify({ small: got[SMALL], large: got[LARGE], of: ROUNDS }))

  for (const stream of [one, two]) stream.destroy()
  for (const end of [sender, receiver]) end.close()
  await socket.close()
}

/** A message of UDX for the stream 1. */
function packet(size) {
  const data = b4a.alloc(size)
  data.set([0xff, 1, 8, 0, 1])
  return data
}

function bound() {
  const socket = dgram.createSocket('udp4')
  return new Promise(resolve => socket.bind(0, '127.0.0.1', () => resolve(socket)))
}

function ip(...args) {
  const { status, stderr } = childProcess.spawnSync('ip', args)
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
