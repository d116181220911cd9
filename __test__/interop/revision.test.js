// The bits of our handshakes in udxInfo.features, which the reference ignores: 64 is the revision,
// 128 says that path frames are answered.

const test = require('brittle')
const { World, connectPair, checkExchange } = require('./world')
const plan = require('./plan')

const EXPECTED = plan.ours === 'native' ? 64 + 128 : 0

test('our client sets its bits, a reference server ignores them', options(), async t => {
  const result = await connectToReference(t, { server: 'reference', client: plan.ours })

  t.is(result.payload.udx.reusableSocket, false, 'no feature that the reference knows is set')
  t.is(result.payload.udx.version, 1)
})

test('the bits in the payload of our client', options(), async t => {
  const cell = { server: 'reference', client: plan.ours, capture: 'server' }
  const result = await connectToReference(t, cell)

  t.is(result.features, EXPECTED)
})

test('the bits in the payload of our server', options(), async t => {
  const cell = { server: plan.ours, client: 'reference', capture: 'client' }
  const result = await connectToReference(t, cell)

  t.is(result.features, EXPECTED)
})

async function connectToReference(t, cell) {
  const world = await World.create('reference', plan.runtime)
  t.teardown(() => world.destroy())

  const result = await connectPair(world, { ...cell, runtime: plan.runtime })
  checkExchange(t, result)
  return result
}

function options() {
  return { timeout: 60_000 }
}
