// The client of a laboratory: one connection, and what goes there and back.

const attempt = require('./attempt')

require('./start')(async (DHT, { bootstrap, key, ...options }) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  return attempt(dht, key, options)
})
