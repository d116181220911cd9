/**
 * A module that is loaded when it is used first. Most of the time that a program needs to load this
 * package goes into finding and reading files, and no program uses all of them.
 *
 * @template T
 * @param {() => T} load requires the module
 * @returns {() => T}
 */
module.exports = function lazily(load) {
  let loaded = null
  const get = () => {
    if (loaded === null) loaded = load()
    return loaded
  }
  ALL.push(get)
  return get
}

/** Loads all such modules. */
module.exports.loadAll = function loadAll() {
  // a module that this loads may add others
  for (const get of ALL) get()
}

/** @type {Array<() => unknown>} */
const ALL = []
