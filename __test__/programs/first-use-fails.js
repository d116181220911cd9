// The first use of a part that is not loaded yet, while the process has no descriptors left, and the
// next use. Prints the codes of the errors, and then what succeeds.

const b4a = require('b4a')
const DHT = require('../..')
const createTestnet = require('../../testnet')
const { fs } = require('../helpers/runtime')

const { publicKey } = DHT.keyPair()

main()

async function main() {
  console.log(
    'a node:',
    failing(() => new DHT({ bootstrap: [], host: '127.0.0.1' }))
  )
  const testnet = await createTestnet(3)
  const { nodes } = testnet

  console.log(
    'connect:',
    failing(() => nodes[0].connect(publicKey))
  )
  console.log(
    'createServer:',
    failing(() => nodes[0].createServer())
  )
  console.log(
    'register:',
    failing(() => nodes[0].register('name', { onregister: noop }))
  )

  nodes[0].register('name', { onregister: () => console.log('registered'), destroy: noop })
  const server = nodes[1].createServer(conn => conn.end('hello'))
  await server.listen()
  const conn = nodes[0].connect(server.publicKey)
  conn.on('data', data => console.log(b4a.toString(data)))
  conn.on('end', () => conn.end())
  conn.on('close', () => testnet.destroy())
}

// The code of the error that a call throws without descriptors.
function failing(call) {
  const open = []
  try {
    for (;;) open.push(fs.openSync('/dev/null', 'r'))
  } catch {}
  try {
    call()
  } catch (err) {
    return err.code
  } finally {
    for (const file of open) fs.closeSync(file)
  }
  return 'no error'
}

function noop() {}
