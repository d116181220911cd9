// Corestore and Hypercore: a core is replicated over Hyperswarm, block by block.

const test = require('brittle')
const { Apps, install, isLong, named, pairs, temporary } = require('./helpers/apps')

const BLOCKS = isLong ? 10_000 : 1000

install()

for (const pair of pairs) {
  test(`${BLOCKS} blocks: ${named(pair)}`, { timeout: 240_000 }, async t => {
    const apps = await Apps.start(t)
    const writer = await apps.program('corestore', pair.server)
    const reader = await apps.program('corestore', pair.client)
    for (const child of [writer, reader]) {
      await child.call('start', { bootstrap: apps.bootstrap, folder: temporary(t) })
    }

    const { key, ...written } = await writer.call('write', { blocks: BLOCKS })
    const read = await reader.call('read', { key, blocks: BLOCKS })
    t.is(read.length, BLOCKS)
    t.alike(read, written, 'the same blocks, and the same Merkle tree')
    for (const child of [reader, writer]) await child.call('destroy')
  })
}
