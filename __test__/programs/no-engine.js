// The first node of a process that has no descriptors left. Prints the error, and the process ends.

const { DHT } = require('../helpers/implementation')
const { fs } = require('../helpers/runtime')

// so that the descriptors lack for the engine only
require('../../lib/dht/parts')

const open = []
try {
  for (;;) open.push(fs.openSync('/dev/null', 'r'))
} catch {}

const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
for (const file of open) fs.closeSync(file)

dht.bind().catch(err => console.log(err.code))
