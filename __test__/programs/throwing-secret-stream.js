// `createSecretStream` of a server throws for the first client. The error must become an uncaught
// exception, that client must see its connection end, and the next one must get in.

const SecretStream = require('@hyperswarm/secret-stream')
const { isBare, process } = require('../helpers/runtime')
const { DHT, createTestnet } = require('../helpers/implementation')

const uncaught = isBare ? Bare : process
uncaught.on('uncaughtException', err => console.log('uncaught: ' + err.message))

main()

async function main() {
  const testnet = await createTestnet(3)
  const [dht, client] = [testnet.createNode(), testnet.createNode()]
  let calls = 0
  const server = dht.createServer({
    createSecretStream(...args) {
      if (++calls === 1) throw new Error('from the hook')
      return new SecretStream(...args)
    }
  })
  server.on('connection', conn => conn.on('error', noop))
  await server.listen(DHT.keyPair())

  const first = client.connect(server.publicKey)
  first.on('error', noop)
  await new Promise(resolve => first.on('close', resolve))
  console.log('the first client has closed')

  const second = client.connect(server.publicKey)
  second.on('error', noop)
  console.log('the second client: ' + (await second.opened))

  await testnet.destroy()
  console.log('done')
}

function noop() {}
