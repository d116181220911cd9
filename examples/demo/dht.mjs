// An isolated DHT on loopback. Prints its bootstrap nodes as one line of JSON, and runs until its
// input ends, which happens when the demo ends, for whatever reason.

import createTestnet from 'hyperdht/testnet.js'
import process from 'bare-process'

// Ctrl-C is for the apps: the server app has to unannounce its key to someone.
process.on('SIGINT', () => {})
process.stdin.on('end', () => process.exit(0)).resume()

const testnet = await createTestnet(5)
console.log(JSON.stringify(testnet.bootstrap))
