// The example runs as a reader would run it, and ends by itself.

const test = require('brittle')
const run = require('../helpers/run')
const { executable, path, runtime } = require('../helpers/runtime')

const FILE = path.join(__dirname, '..', '..', 'examples', 'isolated-dht.mjs')

test('examples/isolated-dht.mjs', async t => {
  const { code, stdout, stderr } = await run([executable(runtime), FILE])

  t.is(code, 0, stderr)
  t.alike(stdout.trim().split('\n'), [
    '1. A bootstrap node at 127.0.0.1:10500',
    '2. Five persistent nodes; the last knows 5 others',
    '3. Alice and Bob have joined',
    '4. Bob asks who likes the weather, and finds Alice: true',
    '5. Bob gets what Alice put: It rains.',
    '6. Bob gets the latest, seq 2: The sun shines.',
    '7. Alice answers Bob: You said: Hello!',
    '8. Everything is closed'
  ])
})
