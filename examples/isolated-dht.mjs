// A private DHT, step by step: its own bootstrap node, its own persistent nodes, and two programs
// that find each other and keep data there. Nothing of it leaves this machine.
//
//   node examples/isolated-dht.mjs
//
// On several machines the steps are the same: step 1 runs on one of them, with the address by which
// the others reach it and without `host`. All other nodes get that address as `bootstrap`.

import DHT from '../index.js' // in a program of your own: 'hyperdht'

const HOST = '127.0.0.1'
const PORT = 10500

// 1. The bootstrap node. New nodes ask it who else is there, so its address must be known to all,
//    and stay. It is the only one that needs a fixed port. `hyperdht --bootstrap --host 10.0.0.1
//    --port 10500` is the same as a command.

const bootstrapper = DHT.bootstrapper(PORT, HOST, { host: HOST })
await bootstrapper.ready()
const bootstrap = [`${HOST}:${PORT}`]
console.log('1. A bootstrap node at', bootstrap[0])

// 2. Persistent nodes. They store what others announce and put, so a network wants some that stay.
//    A node becomes persistent by itself after about 20 minutes, if it can be reached;
//    `ephemeral: false` makes it so at once, and `firewalled: false` spares it the question.

const nodes = []
for (let i = 0; i < 5; i++) {
  const node = new DHT({ bootstrap, host: HOST, ephemeral: false, firewalled: false })
  await node.ready()
  nodes.push(node)
}
console.log('2. Five persistent nodes; the last knows', nodes.at(-1).toArray().length, 'others')

// 3. Two programs' nodes. They are ephemeral: they use the network and store nothing for it.

const alice = new DHT({ bootstrap, host: HOST })
const bob = new DHT({ bootstrap, host: HOST })
await Promise.all([alice.ready(), bob.ready()])
console.log('3. Alice and Bob have joined')

// 4. Announce and lookup: who is interested in a topic? A topic is any 32 bytes.

const topic = DHT.hash(Buffer.from('the weather'))
await alice.announce(topic, alice.defaultKeyPair, []).finished()

const interested = new Set()
for await (const { peers } of bob.lookup(topic)) {
  for (const { publicKey } of peers) interested.add(publicKey.toString('hex'))
}
const foundAlice = interested.has(alice.defaultKeyPair.publicKey.toString('hex'))
console.log('4. Bob asks who likes the weather, and finds Alice:', foundAlice)

// 5. Immutable records: the key is the hash of the value.

const { hash } = await alice.immutablePut(Buffer.from('It rains.'))
const immutable = await bob.immutableGet(hash)
console.log('5. Bob gets what Alice put:', immutable.value.toString())

// 6. Mutable records: the key is a public key, its owner may write again with a higher seq.

const owner = DHT.keyPair()
await alice.mutablePut(owner, Buffer.from('It rains.'), { seq: 1 })
await alice.mutablePut(owner, Buffer.from('The sun shines.'), { seq: 2 })
const mutable = await bob.mutableGet(owner.publicKey)
console.log(`6. Bob gets the latest, seq ${mutable.seq}:`, mutable.value.toString())

// 7. A server and a client. The server's address is its public key; what they say is encrypted from
//    end to end, and reaches through most NATs.

const server = alice.createServer(connection => {
  connection.on('data', data => connection.end(`You said: ${data}`))
})
await server.listen(DHT.keyPair())

const connection = bob.connect(server.publicKey)
connection.end('Hello!')
for await (const data of connection) console.log('7. Alice answers Bob:', data.toString())

// 8. The end. Destroying a node closes its servers, which unannounces them.

await Promise.all([alice.destroy(), bob.destroy()])
for (const node of nodes.reverse()) await node.destroy()
await bootstrapper.destroy()
console.log('8. Everything is closed')
