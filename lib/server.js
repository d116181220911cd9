// The file that programs require as `hyperdht/lib/server`.

module.exports = require('./server/server')
