// A hook that marks sockets, where only marked datagrams leave: in network namespaces.

const test = require('brittle')
const { childProcess } = require('../helpers/runtime')
const Marker = require('../helpers/marker')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')

const skip = !(ownNetwork.isAvailable() && hasNft() && Marker.isAvailable())

test('a birthday punch and a sleep of a node that marks its sockets', {
  skip,
  timeout: 120_000
}, async t => {
  const { opened, sockets, unmarked } = await run(t, 'all')
  t.is(opened, true)
  t.is(unmarked, 0)
  t.ok(sockets > BIRTHDAY, `${sockets} sockets`)
})

test('without the hook nothing leaves', { skip, timeout: 120_000 }, async t => {
  const { nodes, unmarked } = await run(t, 'none')
  t.is(nodes, 0)
  t.ok(unmarked > 0)
})

/** The sockets with which one end of a punch waits for the guesses of the other. */
const BIRTHDAY = 256

async function run(t, marks) {
  const { code, lines, stderr } = await runProgram('marked', {
    under: ownNetwork.command,
    args: [marks],
    timeout: 110_000
  })
  t.is(code, 0, stderr)
  return JSON.parse(lines[0])
}

function hasNft() {
  try {
    return childProcess.spawnSync('nft', ['--version']).status === 0
  } catch {
    return false
  }
}
