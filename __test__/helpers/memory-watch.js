// Methods of a role whose process is watched while it works.

const { process } = require('./runtime')

/** Since `watch`: the resident memory at that time, and the most since, in bytes. */
let before = 0
let most = 0
let timer = null

exports.watch = function watch() {
  before = process.memoryUsage().rss
  most = before
  clearInterval(timer)
  timer = setInterval(look, 20)
}

/** By how much the process has grown at most since `watch`, in bytes. */
exports.grown = function grown() {
  look()
  return most - before
}

function look() {
  most = Math.max(most, process.memoryUsage().rss)
}
