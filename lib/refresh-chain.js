const { createKeyPair, hash } = require('./native/keys')

/** Tokens of which each is the hash of the next one: who knows a token cannot tell the next. */
module.exports = function createRefreshChain(count) {
  const chain = new Array(count)
  let next = createKeyPair().secretKey.slice(0, 32)
  for (let i = count - 1; i >= 0; i--) {
    chain[i] = hash(next)
    next = chain[i]
  }
  return chain
}
