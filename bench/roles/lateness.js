// How late timers are, in Node and in Bare.

const { process } = require('../../__test__/helpers/runtime')

/**
 * Sets one timer after another. The function that it returns ends that, and gives the milliseconds
 * by which each was late.
 */
module.exports = function watch() {
  const lateness = []
  let timer = null
  wait()
  return () => {
    clearTimeout(timer)
    return lateness
  }

  function wait() {
    const due = milliseconds() + INTERVAL
    timer = setTimeout(() => {
      lateness.push(milliseconds() - due)
      wait()
    }, INTERVAL)
  }
}

function milliseconds() {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Milliseconds; several hundred timers in a few seconds. */
const INTERVAL = 5
