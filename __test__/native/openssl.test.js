// Long frames are encrypted by OpenSSL where the runtime has it and that is faster.

const test = require('brittle')
const binding = require('../../binding')
const { fs, isBare, process } = require('../helpers/runtime')
const { testnet } = require('../helpers/fixtures')

test('in Node.js with AVX-512, and nowhere else', async t => {
  await testnet(t, 1)
  t.is(binding.usesOpenssl(), !isBare && isLinux() && hasAvx512())
})

function isLinux() {
  return process.platform === 'linux' && process.arch === 'x64'
}

function hasAvx512() {
  return fs.readFileSync('/proc/cpuinfo', 'latin1').includes(' avx512ifma ')
}
