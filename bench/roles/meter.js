// What a process costs: its CPU time, its memory, and how late its timers are.

const v8 = require('v8')

const { quantile } = require('../suite/statistics')
const watch = require('./lateness')

/** Starts to count. The function that it returns gives the cost since then. */
exports.start = function start() {
  const cpu = process.cpuUsage()
  const stop = watch()
  return () => {
    const used = cpuSeconds(cpu)
    return {
      cpu: used,
      memory: process.resourceUsage().maxRSS / 1024,
      late: late(stop())
    }
  }
}

/** At each message, sends the CPU time since the message before. */
exports.answerCpu = function answerCpu() {
  let since = process.cpuUsage()
  process.on('message', () => {
    const cpu = cpuSeconds(since)
    since = process.cpuUsage()
    process.send({ cpu })
  })
}

/** The memory of the process in bytes, after a garbage collection. */
exports.settledMemory = function settledMemory() {
  if (global.gc) for (let i = 0; i < 3; i++) global.gc()
  return process.memoryUsage.rss()
}

/** What V8's young generation takes of it. It grows with the rate of allocations, and stays. */
exports.youngGeneration = function youngGeneration() {
  return v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
    .physical_space_size
}

/** The next message of the benchmark. */
exports.message = function message() {
  return new Promise(resolve => process.once('message', resolve))
}

exports.microseconds = function microseconds(since) {
  return Number(process.hrtime.bigint() - since) / 1e3
}

exports.cpuSeconds = cpuSeconds

function late(lateness) {
  return lateness.length > 0
    ? quantile(
        lateness.sort((a, b) => a - b),
        0.99
      )
    : 0
}

function cpuSeconds(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}
