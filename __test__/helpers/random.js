// Random choices that can be repeated: a test prints its seed, and HYPERDHT_SEED replays the
// choices.

const { crypto, process } = require('./runtime')

/** The seed of this run. */
exports.seed = Number(process.env.HYPERDHT_SEED) || crypto.randomBytes(4).readUInt32LE()

/** Numbers from 0 to 1, determined by the seed (mulberry32). */
exports.generator = function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let n = Math.imul(seed ^ (seed >>> 15), seed | 1)
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61)
    return ((n ^ (n >>> 14)) >>> 0) / 0x100000000
  }
}

/** A new array with the elements in random order. */
exports.shuffled = function shuffled(array, random) {
  const left = [...array]
  return array.map(() => left.splice(Math.floor(random() * left.length), 1)[0])
}
