// A command whose stdin and stdout are the two ways of a connection.

const { Duplex } = require('stream')
const exchange = require('../../helpers/exchange')

/** Random bytes into the command's stdin, while its stdout is read to the end; see exchange.js. */
module.exports = function piped({ stdin, stdout }, bytes, options) {
  return exchange(Duplex.from({ writable: stdin, readable: stdout }), bytes, options)
}
