// All DHT nodes of a laboratory, each with an address of its own.

require('./start')(async (DHT, { addresses }) => {
  const bootstrap = []
  for (let i = 0; i < addresses.length; i += i === 0 ? 1 : BATCH) {
    const batch = addresses.slice(i, i === 0 ? 1 : i + BATCH)
    const nodes = batch.map(
      host => new DHT({ host, port: PORT, ephemeral: false, firewalled: false, bootstrap })
    )
    await Promise.all(nodes.map(node => node.fullyBootstrapped()))
    if (i === 0) bootstrap.push({ host: addresses[0], port: PORT })
  }
  return { bootstrap }
})

const PORT = 49737

/** Nodes that start together learn of each other later than of those before them. */
const BATCH = 8
