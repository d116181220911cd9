// Each number that the core counts has a place in `dht.stats`, and each place a number.

const test = require('brittle')
const { node, pair, testnet } = require('../helpers/fixtures')
const { INSPECT } = require('../../lib/native/inspect')
const Stats = require('../../lib/dht/stats')

test('what is counted, and where it shows', async t => {
  const dht = await node(t, await testnet(t, 1))
  const counted = Object.keys(dht._native.inspect('stats'))
  const shown = leaves(dht.stats)

  t.alike([...counted, ...Stats.UNCOUNTED].sort(), shown.sort())
  t.is(new Set(counted).size, counted.length)
})

test('a number without a place is an error', t => {
  const stats = new Stats()
  t.exception(() => stats.refresh({ 'punches.unheardOf': 1 }), /no place for punches.unheardOf/)
})

test('every question is answered in full', async t => {
  const { server, dhts } = await pair(t, await testnet(t, 2))
  for (const name of Object.keys(INSPECT)) {
    const argument = name === 'transport' ? server._conn : 1
    t.execution(() => dhts[0]._native.inspect(name, argument), name)
  }

  for (const measured of [server.rawStream, server.rawStream.socket]) {
    const names = Object.keys(measured._measured || measured._traffic)
    t.alike(Object.keys(measured._measure()).sort(), names.sort(), 'all that is shown is counted')
    for (const name of names) t.is(typeof measured[name], 'number', name)
  }
})

/** The paths of all numbers in a tree. */
function leaves(tree, prefix = '') {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'number' ? [prefix + key] : leaves(value, prefix + key + '.')
  )
}
