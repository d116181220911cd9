// If the application does not read, the window closes, and `flush` waits. The reference reads in
// any case, so these tests run on ours only.

const test = require('brittle')
const b4a = require('b4a')
const { pair, testnet, once } = require('../helpers/fixtures')

test('flush waits while the reader keeps the window closed', async t => {
  const { server, client } = await pair(t, await testnet(t))
  for (let i = 0; i < 40; i++) client.write(MIB)
  const flushed = settled(client.flush())
  await standstill(client)
  await roundTrips(server, client, 3)
  t.is(flushed.value, undefined, 'the window is closed and nothing is on its way')

  let received = 0
  server.on('data', data => {
    received += data.byteLength
  })
  t.is(await flushed.promise, true)
  client.end()
  await once(server, 'end')
  t.is(received, 40 * MIB.byteLength)
})

test('flush of the raw stream waits while the reader keeps the window closed', async t => {
  const { server, client } = await pair(t, await testnet(t))
  for (let i = 0; i < 40; i++) client.write(MIB)
  await standstill(client)
  const flushed = settled(client.rawStream.flush())
  await roundTrips(server, client, 3)
  t.is(flushed.value, undefined)

  server.resume()
  t.is(await flushed.promise, true)
})

test('flushes end when we destroy', async t => {
  const { client } = await pair(t, await testnet(t))
  for (let i = 0; i < 40; i++) client.write(MIB)
  await standstill(client)
  const flushed = Promise.all([client.flush(), client.rawStream.flush()])
  client.destroy()
  t.alike(await flushed, [false, false])
})

test('flushes end when the peer destroys', async t => {
  const { server, client } = await pair(t, await testnet(t))
  for (let i = 0; i < 40; i++) client.write(MIB)
  await standstill(client)
  const flushed = Promise.all([client.flush(), client.rawStream.flush()])
  server.destroy()
  t.alike(await flushed, [false, false])
})

/** Watches a promise: `value` is there once it has resolved. */
function settled(promise) {
  const state = { value: undefined, promise }
  promise.then(value => {
    state.value = value
  })
  return state
}

/** Resolves when all that the peer's window allows was sent and acknowledged. */
async function standstill(conn) {
  let sent = -1
  // The window is 4 MiB. If less was sent, this program was too slow, and the window is open.
  while (
    sent < 3 * MIB.byteLength ||
    conn.rawStream.inflight > 0 ||
    conn.rawStream.bytesTransmitted !== sent
  ) {
    sent = conn.rawStream.bytesTransmitted
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The other direction is open: unordered messages go to and fro. */
async function roundTrips(server, client, count) {
  for (let i = 0; i < count; i++) {
    const there = once(server, 'message')
    await client.send(b4a.from('there'))
    await there
    const back = once(client, 'message')
    await server.send(b4a.from('back'))
    await back
  }
}

const MIB = b4a.alloc(1024 * 1024)
