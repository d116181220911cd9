const rethrow = require('../util/rethrow')

/**
 * Whether a stream takes packets that have arrived on another socket than its own. The answer is
 * false if the hook of the program throws, and the exception is uncaught, as in the reference.
 *
 * @param {object} parts of the engine
 * @param {object} question as of border.js
 * @returns {boolean}
 */
module.exports = function decide({ connections }, question) {
  try {
    return connections.get(question.conn)?.onstreamfirewall(question) || false
  } catch (err) {
    rethrow(err)
    return false
  }
}
