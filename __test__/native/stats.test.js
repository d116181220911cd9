// Each number that the core counts has a place in `dht.stats`, and each place a number.

const test = require('brittle')
const { node, pair, testnet } = require('../helpers/fixtures')
const { QUESTIONS } = require('../../lib/native/border')
const { measurementOf } = require('../../lib/udx/measurement')
const { internalsOf } = require('../../lib/util/internals')
const Stats = require('../../lib/dht/stats')

test('what is counted, and where it shows', async t => {
  const dht = await node(t, await testnet(t, 1))
  const counted = Object.keys(internalsOf(dht).native.inspect('stats'))
  const shown = leaves(dht.stats)

  t.alike([...counted].sort(), shown.sort())
  t.is(new Set(counted).size, counted.length)
})

test('a number without a place is an error', t => {
  const stats = new Stats()
  t.exception(() => stats.refresh({ 'punches.unheardOf': 1 }), /no place for punches.unheardOf/)
})

test('every question is answered in full', async t => {
  const { server, dhts } = await pair(t, await testnet(t, 2))
  for (const name of QUESTIONS.keys()) {
    const argument = name === 'transport' ? server._channel._id : 1
    t.execution(() => internalsOf(dhts[0]).native.inspect(name, argument), name)
  }

  for (const measured of [server.rawStream, server.rawStream.socket]) {
    const measurement = measurementOf(measured)
    const names = Object.keys(measurement.initial).sort()
    t.alike(Object.keys(measurement.read()).sort(), names, 'all that is shown is counted')
    for (const name of names) t.is(typeof measured[name], 'number', name)
  }
})

/** The paths of all numbers in a tree. */
function leaves(tree, prefix = '') {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'number' ? [prefix + key] : leaves(value, prefix + key + '.')
  )
}
