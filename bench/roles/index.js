// One process of a benchmark: DHT nodes, or one end of its connections.

const { createTestnet } = require('./implementation')

const ROLES = {
  nodes,
  ...require('./bulk'),
  ...require('./messages'),
  ...require('./connects'),
  ...require('./relay').roles,
  ...require('./dht')
}

// a process of a benchmark that fails exits too
process.once('disconnect', () => process.exit())
process.once('message', ({ role, ...options }) => ROLES[role](options))

async function nodes() {
  const { bootstrap } = await createTestnet(4)
  process.send({ bootstrap })
}
