// Blocks JavaScript for some time, as a busy program does. Other threads go on, and get the
// processor.

module.exports = function busyFor(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
