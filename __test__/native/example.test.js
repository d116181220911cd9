// The example runs as its reader would run it, and ends by itself.

const test = require('brittle')
const b4a = require('b4a')
const { childProcess, executable, path, runtime } = require('../helpers/runtime')

const FILE = path.join(__dirname, '..', '..', 'examples', 'isolated-dht.mjs')

test('examples/isolated-dht.mjs', async t => {
  const child = childProcess.spawn(executable(runtime), [FILE], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const output = []
  child.stdout.on('data', chunk => output.push(chunk))
  const [code] = await Promise.all([
    new Promise(resolve => child.on('exit', resolve)),
    new Promise(resolve => child.stdout.on('close', resolve))
  ])

  t.is(code, 0)
  t.alike(b4a.toString(b4a.concat(output)).trim().split('\n'), [
    '1. A bootstrap node at 127.0.0.1:40500',
    '2. Five persistent nodes; the last knows 5 others',
    '3. Alice and Bob have joined',
    '4. Bob asks who likes the weather, and finds Alice: true',
    '5. Bob gets what Alice put: It rains.',
    '6. Bob gets the latest, seq 2: The sun shines.',
    '7. Alice answers Bob: You said: Hello!',
    '8. Everything is closed'
  ])
})
