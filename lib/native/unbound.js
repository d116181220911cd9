/**
 * Replaces the engine of a node whose sockets could not be bound. Like a closed engine, it ignores
 * commands and has no answers.
 */
module.exports = {
  closed: true,
  command() {},
  holdProcess() {},
  bindSocket() {
    throw new Error('Socket not active')
  },
  isRefusal() {
    return false
  },
  inspect() {
    return null
  },
  unref() {},
  close() {}
}
