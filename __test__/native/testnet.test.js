// A testnet that cannot start says why, and leaves nothing running.

const test = require('brittle')
const { childProcess, executable, path, process, runtime } = require('../helpers/runtime')

const skip = process.platform === 'win32'

test('too few descriptors', { skip }, async t => {
  const program = path.join(__dirname, '..', 'programs', 'few-files.js')
  const child = childProcess.spawn(
    'sh',
    ['-c', 'ulimit -n 80 && exec "$0" "$1"', executable(runtime), program],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const [code] = await Promise.all([
    new Promise(resolve => child.on('exit', resolve)),
    new Promise(resolve => child.stdout.on('close', resolve))
  ])
  t.is(output, 'EMFILE too many open files: 60 nodes need 120 sockets (ulimit -n)\n')
  t.is(code, 0, 'the process ends by itself')
})
