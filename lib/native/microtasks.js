// Runs microtasks between two events of one call, as a runtime does between two callbacks.

// Node.js has a function that does what it does itself after a callback: first the callbacks of
// `process.nextTick` that wait, then microtasks, until there are none. Other runtimes have no such
// function, or one that does something else.
const tick = typeof process === 'undefined' ? null : process._tickCallback

let works = typeof tick === 'function' ? null : false

/** Whether `run` can run microtasks. It finds out at its first call, which must be a callback's. */
exports.canRun = function canRun() {
  if (works === null) {
    works = false
    Promise.resolve().then(() => {
      works = true
    })
    exports.run()
  }
  return works
}

/** Runs all microtasks that wait. Nothing of the program may be on the stack. */
exports.run = function run() {
  tick()
}
