// An engine that gives batches of events to a real dispatcher.

const b4a = require('b4a')
const Dispatcher = require('../../lib/native/dispatcher')
const { EVENTS, MESSAGE } = require('../../lib/native/border')
const { reportUncaught } = require('../../binding')

/** Returns a function that makes a call. `log` hears when messages begin to share calls. */
exports.start = function start(router, batches, log = []) {
  const dispatcher = new Dispatcher(router)
  dispatcher.start({
    closed: false,
    joinMessages: () => log.push('join'),
    report: reportUncaught,
    callAgain() {},
    drain(slab) {
      const batch = b4a.concat(batches.shift() || [])
      slab.set(batch)
      return 2 * batch.byteLength
    }
  })
  // an engine makes its calls when nothing of the program is on the stack
  return () => new Promise(resolve => setTimeout(() => resolve(dispatcher.wake())))
}

/** A message of a connection whose number is less than 256. */
exports.message = function message(text, conn = 0) {
  return b4a.concat([b4a.from([MESSAGE, conn, 0, 0, 0, text.length]), b4a.from(text)])
}

exports.event = function event(name) {
  return b4a.from([[...EVENTS.values()].find(row => row.name === name).number])
}
