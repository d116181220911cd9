// lib/nat and lib/holepuncher: what programs use of them.

const test = require('brittle')
const { deep } = require('../helpers/implementation')
const { node, testnet } = require('../helpers/fixtures')

const Nat = deep('lib/nat')
const Holepuncher = deep('lib/holepuncher')
const { FIREWALL } = deep('lib/constants')

test('the samples of a consistent NAT', async t => {
  const nat = new Nat({ firewalled: true }, null, null)
  t.alike([nat.sampled, nat.firewall, nat.addresses], [0, FIREWALL.UNKNOWN, null])
  sample(nat, 2, () => address(1, 2000))
  t.alike([nat.sampled, nat.firewall, nat.addresses], [2, FIREWALL.UNKNOWN, null])
  sample(nat, 1, () => address(1, 2000), 2)
  await nat.analyzing
  t.is(nat.firewall, FIREWALL.CONSISTENT)
  t.alike(nat.addresses, [{ ...address(1, 2000), hits: 3 }])
})

test('the samples of a random NAT', t => {
  const nat = new Nat({ firewalled: true }, null, null)
  sample(nat, 3, i => address(1, 2000 + i))
  t.is(nat.firewall, FIREWALL.RANDOM)
  t.alike(nat.addresses, [{ host: '1.1.1.1', port: 0, hits: 3 }])
})

test('two addresses, and one that was seen twice', t => {
  const two = new Nat({ firewalled: true }, null, null)
  sample(two, 4, i => address(1 + (i % 2), 2000))
  t.is(two.firewall, FIREWALL.CONSISTENT)
  t.alike(
    two.addresses.map(({ hits }) => hits),
    [2, 2]
  )
  const mixed = new Nat({ firewalled: true }, null, null)
  const ports = [2000, 2000, 3000, 4000, 5000]
  sample(mixed, 3, i => address(1, ports[i]))
  t.is(mixed.firewall, FIREWALL.UNKNOWN)
  sample(mixed, 1, () => address(1, ports[3]), 3)
  t.is(mixed.firewall, FIREWALL.RANDOM)
})

test('what does not count: a node twice, samples while frozen', t => {
  const nat = new Nat({ firewalled: true }, null, null)
  for (let i = 0; i < 5; i++) nat.add(address(1, 2000), address(9, 1))
  t.is(nat.sampled, 1)
  nat.freeze()
  sample(nat, 3, () => address(1, 2000))
  t.alike([nat.sampled, nat.firewall], [4, FIREWALL.UNKNOWN])
  nat.unfreeze()
  t.is(nat.firewall, FIREWALL.CONSISTENT)
})

test('a node that is not firewalled is open, and one that turns out to be', t => {
  const dht = { firewalled: false }
  const nat = new Nat(dht, null, null)
  t.is(nat.firewall, FIREWALL.OPEN)
  sample(nat, 1, () => address(1, 2000))
  t.alike([nat.firewall, nat.addresses], [FIREWALL.OPEN, null])
  dht.firewalled = true
  nat.update()
  t.is(nat.firewall, FIREWALL.UNKNOWN)
})

test('samples that the nodes of the routing table give', async t => {
  const net = await testnet(t, 6)
  const dht = await node(t, net)
  const nat = new Nat({ firewalled: true, nodes: dht.nodes }, dht.session(), dht.io.clientSocket)
  nat.autoSample()
  nat.autoSample()
  await nat.analyzing
  t.is(nat.firewall, FIREWALL.CONSISTENT)
  const [{ host, port }] = nat.addresses
  t.alike({ host, port }, { host: '127.0.0.1', port: dht.io.clientSocket.address().port })

  const destroyed = new Nat({ firewalled: true, nodes: dht.nodes }, dht.session(), null)
  destroyed.destroy()
  await destroyed.analyzing
  t.is(destroyed.sampled, 0)
})

test('matchAddress prefers the longest common prefix', t => {
  const local = [{ host: '192.168.122.238' }, { host: '10.4.0.1' }]
  const match = (...hosts) =>
    Holepuncher.matchAddress(
      local,
      hosts.map(host => ({ host, port: 1 }))
    )
  t.is(match(), null)
  t.is(match('8.8.8.8'), null)
  t.alike(match('8.8.8.8', '192.1.1.1'), { host: '192.1.1.1', port: 1 })
  t.is(match('192.1.1.1', '192.168.0.1').host, '192.168.0.1')
  t.is(match('192.168.0.1', '192.168.122.1', '10.4.0.9').host, '192.168.122.1')
  t.is(match('192.1.1.1', '10.4.9.9', '10.1.1.1').host, '10.4.9.9')
})

test('localAddresses of a socket', async t => {
  const dht = await node(t, await testnet(t, 1))
  const { port } = dht.io.serverSocket.address()
  t.alike(Holepuncher.localAddresses(dht.io.serverSocket), [{ host: '127.0.0.1', port }])

  const interfaces = [
    { name: 'lo', host: '127.0.0.1', family: 4, internal: true },
    { name: 'a', host: '10.0.0.7', family: 4, internal: false },
    { name: 'a', host: 'fe80::1', family: 6, internal: false },
    { name: 'b', host: '192.168.0.7', family: 4, internal: false }
  ]
  const bound = list => ({
    address: () => ({ host: '0.0.0.0', family: 4, port: 5 }),
    udx: { networkInterfaces: () => list }
  })
  t.alike(Holepuncher.localAddresses(bound(interfaces)), [
    { host: '10.0.0.7', port: 5 },
    { host: '192.168.0.7', port: 5 }
  ])
  const alone = [{ host: '127.0.0.1', port: 5 }]
  t.alike(Holepuncher.localAddresses(bound(interfaces.slice(0, 1))), alone)
})

/** Adds samples of as many nodes; `at` gives what each of them saw. */
function sample(nat, nodes, at, first = 0) {
  for (let i = first; i < first + nodes; i++) nat.add(at(i), address(9, 100 + i))
}

function address(n, port) {
  return { host: `${n}.${n}.${n}.${n}`, port }
}
