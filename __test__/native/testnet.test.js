// A testnet that cannot start says why, and leaves nothing running.

const test = require('brittle')
const runProgram = require('../helpers/run-program')
const { process } = require('../helpers/runtime')

const skip = process.platform === 'win32'

test('too few descriptors', { skip }, async t => {
  const under = ['sh', '-c', 'ulimit -n 80; exec "$@"', 'sh']
  const { code, lines, stderr } = await runProgram('few-files', { under })
  t.alike(lines, ['EMFILE too many open files: 60 nodes need 120 sockets (ulimit -n)'])
  t.is(code, 0, `the process ends by itself: ${stderr}`)
})
