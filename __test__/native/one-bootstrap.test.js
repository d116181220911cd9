// One bootstrap node is enough, as the README says. With one, connections of the reference open and
// then break.

const test = require('brittle')
const b4a = require('b4a')
const { DHT } = require('../helpers/implementation')
const { once } = require('../helpers/fixtures')
const freePort = require('../helpers/free-port')
const ownNetwork = require('../helpers/own-network')
const runProgram = require('../helpers/run-program')

const ROUNDS = 5

test('two nodes of one process, default host', { timeout: 60_000 }, async t => {
  for (let i = 0; i < ROUNDS; i++) await talk(t, {})
})

test('two nodes of one process, before they are bootstrapped', { timeout: 60_000 }, async t => {
  for (let i = 0; i < ROUNDS; i++) await talk(t, { atOnce: true })
})

test('two hosts of a LAN', { skip: !ownNetwork.isAvailable(), timeout: 120_000 }, async t => {
  const { code, lines, stderr } = await runProgram('lan', {
    under: ownNetwork.command,
    timeout: 110_000
  })
  t.is(code, 0, stderr)
  t.is(lines.length, ROUNDS)
  for (const line of lines) {
    const { client, server } = JSON.parse(line)
    t.is(client.error, null)
    t.is(server.error, null)
    t.is(client.received, server.sent, 'from server to client')
    t.is(server.received, client.sent, 'from client to server')
  }
})

async function talk(t, { atOnce }) {
  const bootstrapper = DHT.bootstrapper(await freePort(), '127.0.0.1')
  await bootstrapper.fullyBootstrapped()
  const bootstrap = [{ host: '127.0.0.1', port: bootstrapper.address().port }]
  const nodes = [new DHT({ bootstrap }), new DHT({ bootstrap })]
  if (!atOnce) await Promise.all(nodes.map(node => node.fullyBootstrapped()))

  const server = nodes[0].createServer(conn => {
    conn.on('error', noop)
    conn.on('data', data => conn.write(b4a.concat([b4a.from('re: '), data])))
  })
  await server.listen()
  const conn = nodes[1].connect(server.publicKey)
  const failed = new Promise(resolve => conn.on('error', resolve))
  conn.write('hello')
  t.alike(await Promise.race([once(conn, 'data'), failed]), b4a.from('re: hello'))

  conn.destroy()
  for (const node of [...nodes, bootstrapper]) await node.destroy({ force: true })
}

function noop() {}
