// The end of a process that has a node. Each program runs in a process of its own.

const test = require('brittle')
const { isNative } = require('../helpers/implementation')
const { isBare } = require('../helpers/runtime')
const runProgram = require('../helpers/run-program')

test('new DHT() keeps the process alive, destroy() lets it go', async t => {
  const result = await runProgram('alive')
  check(t, result, 0, ['alive', 'destroyed'])
})

test('a suspended node lets the process go', async t => {
  const result = await runProgram('asleep')
  check(t, result, 0, ['REQUEST_TIMEOUT', 'awake', 'suspended'])
})

test('a bound socket of UDX keeps the process alive', async t => {
  check(t, await runProgram('udx'), 0, ['resolved', 'alive'])
})

test('exit in the middle of traffic', { timeout: 60_000 }, async t => {
  for (let i = 0; i < 5; i++) check(t, await runProgram('exit-in-traffic'), 7, ['leaving'])
})

for (const where of ['message', 'data']) throwingListener(where)

// A worker with the reference often hangs at its end, and the reference swallows what a
// 'connection' listener throws.
if (isNative) {
  test('a worker that destroys its node and ends', async t => {
    const result = await runProgram('worker', { args: ['returns'] })
    check(t, result, 0, ['worker ended', 'still here', 'done'])
  })

  test('a worker that exits in the middle of traffic', async t => {
    const result = await runProgram('worker', { args: ['exits'] })
    check(t, result, 0, ['worker ended', 'still here', 'done'])
  })

  throwingListener('connection')

  const skip = isBare // which has no process.nextTick
  test('what a listener has put off throws', { skip }, async t => {
    const result = await runProgram('throwing-listener', { args: ['tick'] })
    const uncaught = 'uncaught: from the listener'
    check(t, result, 0, [uncaught, uncaught, 'all messages', 'done'])
  })
}

// In Bare, exit waits for every thread to end, even for one that only has a timer.
if (isNative && !isBare) {
  test('exit while a worker has traffic', async t => {
    const result = await runProgram('worker', { args: ['stays'] })
    check(t, result, 7, ['leaving'])
  })
}

function throwingListener(where) {
  test(`a '${where}' listener that throws`, async t => {
    const result = await runProgram('throwing-listener', { args: [where] })
    check(t, result, 0, ['uncaught: from the listener', 'second ' + where, 'done'])
  })
}

function check(t, { code, signal, lines, stderr }, expectedCode, expectedLines) {
  t.alike(lines, expectedLines)
  t.is(code, expectedCode, `exit code, signal ${signal}`)
  if (code !== expectedCode) t.comment(stderr)
}
