// The client of a laboratory: one connection, and one message there and back.

const attempt = require('./attempt')

require('./start')(async (DHT, { bootstrap, key }) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  return attempt(dht, key)
})
