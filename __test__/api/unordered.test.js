const test = require('brittle')
const b4a = require('b4a')
const { testnet, pair, once, closed } = require('../helpers/fixtures')

test('unordered messages', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const fromClient = once(server, 'message')
  await client.send(b4a.from('to server'))
  t.is(b4a.toString(await fromClient), 'to server')

  const fromServer = once(client, 'message')
  server.trySend(b4a.from('to client'))
  t.is(b4a.toString(await fromServer), 'to client')
})

test('unordered messages right before the end of their connection', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const arrived = []
  server.on('message', message => arrived.push(b4a.toString(message)))
  for (let i = 0; i < 100; i++) client.trySend(b4a.from(`${i}`))
  client.rawStream.trySend(b4a.from('raw'))
  const ended = closed(server)
  client.destroy()
  await ended
  t.alike(
    arrived,
    Array.from({ length: 100 }, (_, i) => `${i}`)
  )
})

test('who awaits each unordered message gets all of a burst', async t => {
  const { server, client } = await pair(t, await testnet(t))
  const arrived = []
  const data = []
  server.on('data', chunk => data.push(b4a.toString(chunk)))
  const reading = (async () => {
    while (arrived.length < BURST) arrived.push(b4a.toString(await once(server, 'message')))
  })()

  for (let i = 0; i < BURST; i++) {
    client.trySend(b4a.from(`${i}`))
    if (i % 10 === 0) client.write(b4a.from(`${i} in order`))
  }
  await reading
  client.end()
  await once(server, 'end')
  t.alike(
    arrived,
    Array.from({ length: BURST }, (_, i) => `${i}`)
  )
  t.alike(
    data,
    Array.from({ length: BURST / 10 }, (_, i) => `${i * 10} in order`)
  )
})

const BURST = 100
