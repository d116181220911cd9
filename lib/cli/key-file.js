const fs = require('fs')
const b4a = require('b4a')
const { createKeyPair } = require('../native/keys')

/**
 * The key pair whose seed is in a file, in hex. A file that does not exist is made, readable for
 * its owner only. Without a path the key pair is a new one.
 *
 * @param {string} [path]
 */
module.exports = function keyPairOf(path) {
  if (path === undefined) return createKeyPair()
  const seed = fs.existsSync(path) ? read(path) : create(path)
  return createKeyPair(seed)
}

function read(path) {
  const text = fs.readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new Error(`${path} does not have a seed in hex`)
  return b4a.from(text, 'hex')
}

function create(path) {
  const seed = createKeyPair().secretKey.subarray(0, 32)
  fs.writeFileSync(path, b4a.toString(seed, 'hex') + '\n', { mode: 0o600, flag: 'wx' })
  return seed
}
