// An isolated DHT on loopback. Prints its bootstrap nodes as one line of JSON, runs until killed.

import createTestnet from 'hyperdht/testnet.js'

const testnet = await createTestnet(5)
console.log(JSON.stringify(testnet.bootstrap))
