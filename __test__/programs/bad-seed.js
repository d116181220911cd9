// The reference leaves a bound socket behind when its constructor throws: hence the exit.

const b4a = require('b4a')
const { process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')

for (const size of [1, 31, 33]) {
  try {
    new DHT({ bootstrap: [], host: '127.0.0.1', seed: b4a.alloc(size) })
    console.log(size + ': accepted')
  } catch {
    console.log(size + ': error')
  }
}
process.exit(0)
