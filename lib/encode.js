const b4a = require('b4a')
const c = require('compact-encoding')

/** The bytes of a message, in memory of their own. */
exports.encodeUnslab = function encodeUnslab(encoding, message) {
  const state = c.state()
  encoding.preencode(state, message)
  state.buffer = b4a.allocUnsafeSlow(state.end)
  encoding.encode(state, message)
  return state.buffer
}
