// A client that connects when it is told to. If `known`, it has been connected to the server before.

const attempt = require('./attempt')

require('./start')(async (DHT, { bootstrap, key, known }, laboratory) => {
  const dht = new DHT({ bootstrap })
  await dht.fullyBootstrapped()
  const told = laboratory.told()
  laboratory.tell(known ? await attempt(dht, key) : { ok: true })
  await told
  return attempt(dht, key)
})
