// A live connection whose client gets another address: in network namespaces, whose interfaces the
// programs change. All other cases are tested in Rust, on virtual time (netsim › moves).

const test = require('brittle')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')

const skip = !ownNetwork.isAvailable()

test('between two of ours it goes on', { skip, timeout: 60_000 }, async t => {
  const { got, gap, error, paths } = await roam(t, 'native')
  t.is(error, null)
  t.alike(got, [...got.keys()], 'no message is lost or doubled')
  t.is(got.length, 400)
  t.alike(paths, ['10.77.0.3'])
  t.comment(`the longest gap was ${gap} ms`)
})

test('with the reference it ends soon', { skip, timeout: 60_000 }, async t => {
  const { got, error, after } = await roam(t, 'reference')
  t.is(error, 'ETIMEDOUT')
  t.ok(got.length < 400)
  t.comment(`after ${after} ms`)
})

async function roam(t, implementation) {
  const { code, lines, stderr } = await runProgram('roaming', {
    under: ownNetwork.command,
    env: { HYPERDHT_IMPL: implementation },
    timeout: 50_000
  })
  t.is(code, 0, stderr)
  return JSON.parse(lines[0])
}
