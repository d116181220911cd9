// Whether a server is announced.

/** True if a node of the network gives out the record of a public key. */
exports.isFound = async function isFound(dht, publicKey) {
  for await (const { peer } of dht.findPeer(publicKey)) {
    if (peer) return true
  }
  return false
}

/** Resolves when the server is found. */
exports.found = async function found(dht, publicKey) {
  while (!(await exports.isFound(dht, publicKey)));
}
