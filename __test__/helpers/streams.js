// What tests do with streams: raw ones and connections.

const b4a = require('b4a')
const { closed, once } = require('./fixtures')

/** Destroys streams, and resolves when they have closed. */
exports.destroy = async function destroy(...streams) {
  const all = streams.map(closed)
  for (const stream of streams) stream.destroy()
  await Promise.all(all)
}

/** All that a stream receives until its end. */
exports.read = async function read(stream) {
  const chunks = []
  stream.on('data', data => chunks.push(data))
  await once(stream, 'end')
  return b4a.concat(chunks)
}

/** The same as text. */
exports.readText = async function readText(stream) {
  return b4a.toString(await exports.read(stream))
}
