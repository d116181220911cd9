// Writes of more than a stream passes on at once, and what ends the stream meanwhile: the end, a
// failure at either end, a message that it refuses.

const test = require('brittle')
const b4a = require('b4a')
const { UDX, isNative } = require('../helpers/implementation')
const { closed, once, pair, record, testnet } = require('../helpers/fixtures')
const { destroy } = require('../helpers/streams')

/** Each message says where in the whole it stands. */
const SIZE = 64 * 1024
const COUNT = 256

/** More than any stream passes on at once. */
const AT_ONCE = 16 * SIZE

const KINDS = { connection, 'raw stream': rawStream }

for (const [kind, connect] of Object.entries(KINDS)) {
  test(`${kind}: end() while much waits`, async t => {
    const { writer, reader } = await connect(t)
    const seen = record(reader, ['end', 'close'])
    const finished = record(writer, ['finish', 'close'])
    const got = gather(reader)
    writeAll(writer)
    await once(reader, 'data')
    t.absent(got.bytes === COUNT * SIZE, 'in the middle')
    writer.end()

    await once(reader, 'end')
    t.alike([got.bytes, got.wrong], [COUNT * SIZE, 0])
    reader.end()
    await Promise.all([closed(reader), closed(writer)])
    t.alike(
      [seen, finished],
      [
        ['end', 'close'],
        ['finish', 'close']
      ]
    )
  })

  test(`${kind}: end() in the same turn`, async t => {
    const { writer, reader } = await connect(t)
    const got = gather(reader)
    writeAll(writer)
    writer.end()
    await once(reader, 'end')
    t.alike([got.bytes, got.wrong], [COUNT * SIZE, 0])
  })

  test(`${kind}: destroy() while much waits`, async t => {
    const { writer, reader } = await connect(t)
    const [home, away] = [closed(writer), closed(reader)]
    const got = gather(reader)
    writeAll(writer)
    const flushed = writer.flush()
    await once(reader, 'data')
    writer.destroy()

    t.is(await home, null)
    t.is((await away).code, 'ECONNRESET')
    t.is(await flushed, false)
    t.ok(got.bytes < COUNT * SIZE)
    t.is(got.wrong, 0)
  })

  test(`${kind}: the peer destroys while much waits`, async t => {
    const { writer, reader } = await connect(t)
    const [home, away] = [closed(writer), closed(reader)]
    writeAll(writer)
    const flushed = writer.flush()
    await once(reader, 'data')
    reader.destroy()

    t.is((await home).code, 'ECONNRESET')
    t.is(await away, null)
    t.is(await flushed, false)
  })

  // udx-native does not close a stream with such a message
  const skip = kind === 'raw stream' && !isNative
  test(`${kind}: a bad message behind many`, { skip }, async t => {
    const { writer, reader } = await connect(t)
    const [home, away] = [closed(writer), closed(reader)]
    const got = gather(reader)
    const before = COUNT / 2
    writeAll(writer, 0, before)
    writer.write(BAD[kind])
    writeAll(writer, before)

    t.is((await home).message, REFUSAL[kind])
    t.is((await away).code, 'ECONNRESET')
    t.ok(got.bytes > AT_ONCE && got.bytes <= before * SIZE, 'what was before it')
    t.is(got.wrong, 0)
  })
}

/** What a stream refuses. */
const BAD = { connection: b4a.alloc(256 * 256 * 256), 'raw stream': 5 }

const REFUSAL = {
  connection: 'Message is too large for an atomic write. Max size is 16777215 bytes.',
  'raw stream': 'Written data must be a string or a buffer'
}

async function connection(t) {
  const { server, client } = await pair(t, await testnet(t))
  return { writer: client, reader: server }
}

async function rawStream(t) {
  const udx = new UDX()
  const sockets = [udx.createSocket(), udx.createSocket()]
  for (const socket of sockets) socket.bind(0, '127.0.0.1')
  const [writer, reader] = [1, 2].map(id => udx.createStream(id))
  writer.connect(sockets[0], 2, sockets[1].address().port)
  reader.connect(sockets[1], 1, sockets[0].address().port)
  t.teardown(async () => {
    await destroy(writer, reader)
    for (const socket of sockets) await socket.close()
  })
  return { writer, reader }
}

// Writes messages in one turn, so that they are one batch.
function writeAll(writer, from = 0, to = COUNT) {
  for (let i = from; i < to; i++) writer.write(message(i))
}

function message(i) {
  return b4a.alloc(SIZE, i)
}

// Counts what a stream receives, and the bytes that stand elsewhere than they were written.
function gather(reader) {
  const got = { bytes: 0, wrong: 0 }
  reader.on('data', data => {
    for (const byte of data) {
      if (byte !== (Math.floor(got.bytes++ / SIZE) & 255)) got.wrong++
    }
  })
  return got
}
