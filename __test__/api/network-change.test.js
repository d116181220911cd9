// 'network-change' and 'network-update', in a network namespace whose interfaces a program changes.

const test = require('brittle')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')

const skip = !ownNetwork.isAvailable()

test('an address comes and goes', { skip, timeout: 60_000 }, async t => {
  const { code, lines, stderr } = await runProgram('network-change', {
    under: ownNetwork.command,
    timeout: 50_000
  })
  t.is(code, 0, stderr)
  const told = lines.map(line => JSON.parse(line))
  t.alike(
    told.map(({ event }) => event),
    ['network-change', 'network-update', 'network-change', 'network-update']
  )

  const [added, , removed] = told.map(({ interfaces }) => ipv4(interfaces))
  t.alike(added, [LOOPBACK, ADDRESS])
  t.alike(removed, [LOOPBACK])
})

// The loopback interface has an IPv6 address where the system speaks IPv6.
function ipv4(interfaces) {
  return interfaces?.filter(({ family }) => family === 4)
}

const LOOPBACK = { name: 'lo', host: '127.0.0.1', family: 4, internal: true }
const ADDRESS = { ...LOOPBACK, host: '10.9.8.7' }
