// A testnet that needs more sockets than the process may have; prints why it failed, and ends.

const { createTestnet } = require('../helpers/implementation')

createTestnet(60).then(
  () => console.log('started'),
  err => console.log(err.code + ' ' + err.message)
)
