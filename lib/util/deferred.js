/**
 * A promise and the ways to settle it. Nobody has to look at it: the runtime does not report a
 * rejection that nobody handles.
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

/** Resolves one, or rejects it if there is an error. */
module.exports.settle = function settle(waiting, err, value) {
  if (err === null) waiting.resolve(value)
  else waiting.reject(err)
}

function noop() {}
