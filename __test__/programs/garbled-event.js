// The router of this dispatcher throws at first, and its engine sends an event that border.js does
// not know. A real engine never does that, so this one is made up: each `wake` finds the next
// batch.

const { isBare, process } = require('../helpers/runtime')
const Dispatcher = require('../../lib/native/dispatcher')

const LISTENING = 10
const PERSISTENT = 13
const UNKNOWN = 255

const batches = [[PERSISTENT, 1, 2, 3], [UNKNOWN, LISTENING], [LISTENING]]

const uncaught = isBare ? Bare : process
uncaught.on('uncaughtException', err => console.log('uncaught: ' + err.constructor.name))

let batchesSeen = 0
const dispatcher = new Dispatcher({ onbatch, oncontrol: name => console.log(name) })
dispatcher.start({ closed: false, drain, callAgain: noop })
main()

async function main() {
  while (batches.length > 0) {
    dispatcher.wake()
    await new Promise(resolve => setTimeout(resolve))
  }
}

function onbatch() {
  if (batchesSeen++ === 0) throw new RangeError('before a batch')
}

function drain(slab) {
  const batch = batches.shift() || []
  slab.set(batch)
  return 2 * batch.length // there are no more
}

function noop() {}
