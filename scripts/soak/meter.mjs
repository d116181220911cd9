// Measures memory and descriptors of the process while the soak runs.

import { readdirSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const SAMPLE_INTERVAL = 5_000

/** Milliseconds after which sockets of a puncher, repeated replies and late streams are gone. */
const PATIENCE = 40_000

/** Samples memory, and compares the thirds of the run. */
export class Meter {
  /**
   * @param {number} duration milliseconds
   * @param {import('./crowd.mjs').Crowd} crowd
   */
  constructor(duration, crowd) {
    this.duration = duration
    this.crowd = crowd
    this.samples = []
    this.startedAt = Date.now()
    this.descriptorsBefore = descriptors()
    this.tables = []
  }

  get isRunning() {
    return Date.now() - this.startedAt < this.duration
  }

  start() {
    this.timer = setInterval(() => this.sample(), SAMPLE_INTERVAL)
  }

  stop() {
    clearInterval(this.timer)
    this.sample()
  }

  sample() {
    globalThis.gc()
    const at = (Date.now() - this.startedAt) / this.duration
    const { rss, heapUsed, external } = process.memoryUsage()
    this.samples.push({ at, rss })
    if (at * 3 < this.tables.length) return
    this.tables.push(this.crowd.tables())
    console.log(
      `${Math.round(at * 100)} %: ${mib(rss)} MiB resident, ${mib(heapUsed)} MiB of V8's heap, ` +
        `${mib(external)} MiB outside of it, ${this.crowd.summary()}`
    )
  }

  /** Memory, third by third; with the counts that have grown, if it has. */
  mistakes(maxGrowth) {
    const [, second, third] = [0, 1, 2].map(n => median(this.third(n)))
    const ok = third <= second * maxGrowth
    const grown = ok ? '' : `; what has grown since the first third: ${this.grown()}`
    const text = `resident memory: ${mib(second)} MiB in the second third, ${mib(third)} MiB in the last${grown}`
    return [{ ok, text }]
  }

  third(n) {
    return this.samples.filter(({ at }) => at >= n / 3 && at < (n + 1) / 3).map(({ rss }) => rss)
  }

  grown() {
    const [, first] = this.tables
    const last = this.tables.at(-1)
    const names = Object.keys(last).filter(name => last[name] > first[name])
    return names.map(name => `${name} ${first[name]} → ${last[name]}`).join(', ') || 'no table'
  }

  /** Checks that the process has as many descriptors as at the start. */
  async leftOvers() {
    const until = Date.now() + PATIENCE
    while (descriptors() > this.descriptorsBefore && Date.now() < until) {
      await setTimeout(200)
    }
    const left = descriptors()
    const text = `descriptors: ${this.descriptorsBefore} before, ${left} after`
    return [{ ok: left === this.descriptorsBefore, text }]
  }
}

function descriptors() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0 // a system that does not tell
  }
}

function median(list) {
  return list.sort((a, b) => a - b)[list.length >> 1]
}

function mib(bytes) {
  return (bytes / 1024 / 1024).toFixed(1)
}
