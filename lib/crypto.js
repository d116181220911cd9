// The file that programs require as `hyperdht/lib/crypto`.

const { createKeyPair, hash } = require('./native/keys')

module.exports = { hash, unslabbedHash: hash, createKeyPair }
