// The same as CommonJS.

import DHT = require('hyperdht')
import createTestnet = require('hyperdht/testnet')
import Plugin = require('hyperdht/lib/plugin')

async function main(): Promise<void> {
  const testnet = await createTestnet(3)
  const [node]: DHT[] = testnet.nodes
  node.register('chat', new Plugin('chat', 1))
  const server: DHT.Server = node.createServer()
  await server.listen(DHT.keyPair())
  // @ts-expect-error not a port
  new DHT({ port: 'x' })
}

main()
