// A testnet needs more sockets than the process may open. Prints why it failed, and ends.

const { createTestnet } = require('../helpers/implementation')

createTestnet(60).then(
  () => console.log('started'),
  err => console.log(err.code + ' ' + err.message)
)
