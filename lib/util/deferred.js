/**
 * A promise with its `resolve` and `reject`. The promise never reports an unhandled rejection.
 */
module.exports = function deferred() {
  const all = {}
  all.promise = new Promise((resolve, reject) => {
    all.resolve = resolve
    all.reject = reject
  })
  all.promise.catch(noop)
  return all
}

/** Resolves a deferred promise, or rejects it if there is an error. */
module.exports.settle = function settle(waiting, err, value) {
  if (err === null) waiting.resolve(value)
  else waiting.reject(err)
}

function noop() {}
