// The raw stream of a connection, where it differs from the reference's (docs/COMPATIBILITY.md).

const test = require('brittle')
const b4a = require('b4a')
const { closed, once, pair, record, testnet, thrown } = require('../helpers/fixtures')

test('write throws: the secret stream writes there', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const { rawStream } = client
  for (const call of [() => rawStream.write('x'), () => rawStream.end('x')]) {
    t.ok(/write to the connection/.test(thrown(call)?.message))
  }
  client.write('unharmed')
  t.alike(await once(server, 'data'), b4a.from('unharmed'))
})

test('end ends the write side of the connection', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const ends = Promise.all([closed(client), closed(server)])
  const finished = new Promise(resolve => client.rawStream.end(resolve))
  server.on('end', () => server.end())
  server.resume()
  client.resume()
  await finished
  t.alike(await ends, [null, null])
})

test('the program gets only its own messages, and no encrypted bytes', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const seen = record(server.rawStream, ['message', 'data'])
  const sealed = once(server, 'message')
  client.trySend(b4a.from('sealed'))
  await sealed
  client.write('x')
  await once(server, 'data')
  t.alike(seen, [])
})

test('a message that is not sealed counts as dropped by the secret stream', async t => {
  const { server, client, dhts } = await pair(t, await testnet(t))
  const got = once(server.rawStream, 'message')
  client.rawStream.trySend(b4a.from('plain'))
  await got
  t.is(dhts[0].stats.dropped.message, 1)
})
