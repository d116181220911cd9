/**
 * A promise and the ways to settle it. Nobody has to look at it: a rejection that is not handled
 * is none.
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

function noop() {}
