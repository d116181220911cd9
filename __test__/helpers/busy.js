// JavaScript does nothing else for a while. Other threads go on, and have the processor.

module.exports = function busyFor(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
