// What a relay sends on in one call may be too large for a path. Only the datagrams that are too
// large are lost.

const test = require('brittle')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')
const { isBare } = require('../helpers/runtime')

// Bare has no sockets whose datagrams the system splits into fragments.
const skip = isBare || !ownNetwork.isAvailable()

test('a relay on a narrow path', { skip, timeout: 60_000 }, async t => {
  const { code, lines, stderr } = await runProgram('narrow-path', {
    under: ownNetwork.command,
    timeout: 50_000
  })
  t.is(code, 0, stderr)
  const { small, large, of } = JSON.parse(lines[0])
  t.alike({ small, large }, { small: of, large: 0 })
})
