// The file that programs require as `hyperdht/lib/connect`.

module.exports = require('./connection/connect')
