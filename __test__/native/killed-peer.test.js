// A peer whose process is killed says nothing any more, but its host does: nobody has the port.
// A stream gives up by itself after seven timeouts. Linux alone says which datagram met that.

const test = require('brittle')
const b4a = require('b4a')
const Child = require('../helpers/child')
const { closed, node, testnet } = require('../helpers/fixtures')
const { process, runtime } = require('../helpers/runtime')

const skip = process.platform !== 'linux'

for (const implementation of ['native', 'reference']) {
  test(`the host of a killed peer tells: ${implementation}`, { skip }, async t => {
    const net = await testnet(t)
    const peer = await Child.spawn({ role: 'traveller', implementation, runtime })
    await peer.call('start', { bootstrap: net.bootstrap })
    const { publicKey } = await peer.call('listen')

    const dht = await node(t, net)
    const conn = dht.connect(b4a.from(publicKey, 'hex'))
    const end = closed(conn)
    t.ok(await conn.opened)
    conn.write(b4a.from('hello'))
    await new Promise(resolve => conn.once('data', resolve))
    const { rawStream } = conn
    await peer.kill()
    conn.write(b4a.from('still there?'))

    t.is((await end)?.code, 'ETIMEDOUT')
    t.ok(rawStream.rtoCount < 6, `${rawStream.rtoCount} timeouts`)
  })
}
