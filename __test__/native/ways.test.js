// Several interfaces, a default route that changes, no route at all: in network namespaces, whose
// routes the program changes.

const test = require('brittle')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')

const skip = !ownNetwork.isAvailable()
const options = { skip, timeout: 120_000 }

test('each peer is reached by its route and told all addresses', options, async t => {
  const seen = { code: null, told: ['10.1.0.2', '10.2.0.2'], echo: 'hello' }
  t.alike(await play(t, 'two'), [seen, seen])
})

test('a peer that cannot send to the address that it was told', options, async t => {
  t.alike(await play(t, 'cornered'), { code: null, echo: 'hello' })
})

test('a connection and a server follow the default route', options, async t => {
  const { before, after, host } = await play(t, 'change')
  t.alike([before, after, host], ['before', 'after', '10.2.0.2'])
})

// A stream gives up by itself after seven timeouts.
test('with a peer that cannot follow, a connection ends early', options, async t => {
  const { code, timeouts } = await play(t, 'left')
  t.is(code, 'ETIMEDOUT')
  t.ok(timeouts < 6, `${timeouts} timeouts`)
})

test('a route that comes back is used again', options, async t => {
  const { away, after, host, state } = await play(t, 'vanish')
  t.is(away, 'REQUEST_TIMEOUT')
  t.is(after, 'after')
  t.is(host, '10.1.0.2')
  t.ok(state.online && state.nodes > 0)
})

test('a node that starts without a route joins when there is one', options, async t => {
  const { away, before, reached, after } = await play(t, 'none')
  t.alike(away, { code: 'PEER_NOT_FOUND', reason: 'noAnswer' })
  t.alike([before.host, before.bootstrapped, before.nodes], [null, true, 0])
  t.alike(reached, [{ host: '10.3.0.2' }, { host: '10.1.0.2' }])
  t.is(after.host, '10.1.0.2')
  t.ok(after.online && after.nodes > 0)
})

test('a destination that the system refuses disturbs no other', options, async t => {
  t.alike(await play(t, 'refused'), {
    code: null,
    answers: ['REQUEST_TIMEOUT', 'REQUEST_TIMEOUT', null],
    echo: 'after'
  })
})

for (const scene of ['device', 'middle', 'hole']) {
  test(`a path that carries less than before: ${scene}`, options, async t => {
    const { before, after } = await play(t, scene)
    t.alike(before, { wrong: 0, code: null, isFull: true })
    t.alike(after, { wrong: 0, code: null, isFull: false })
  })
}

test('a host without a network', options, async t => {
  const { away, local } = await play(t, 'alone')
  t.alike(away, { code: 'PEER_NOT_FOUND', reason: 'noAnswer' })
  t.is(local.host, '127.0.0.1')
})

async function play(t, scene) {
  const { code, lines, stderr } = await runProgram('ways', {
    under: ownNetwork.command,
    args: [scene],
    timeout: 110_000
  })
  t.is(code, 0, stderr)
  const seen = JSON.parse(lines[0])
  if (seen.ms) t.comment(`milliseconds: ${JSON.stringify(seen.ms)}`)
  return seen
}
