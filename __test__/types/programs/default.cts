// The default import of CommonJS, with `esModuleInterop`.

import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet'
import Plugin from 'hyperdht/lib/plugin'

const node: DHT = new DHT()
node.register('chat', new Plugin('chat', 1))
createTestnet(2).then(testnet => testnet.destroy())
