/**
 * Takes the runtime's own path for uncaught exceptions, in the present asynchronous context. The
 * caller goes on.
 *
 * @param {unknown} err
 */
module.exports = function rethrow(err) {
  queueMicrotask(() => {
    throw err
  })
}
