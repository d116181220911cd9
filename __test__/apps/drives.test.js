// Drives: a folder becomes a Hyperdrive, which is seeded, and mirrored to another folder.

const test = require('brittle')
const crypto = require('crypto')
const fs = require('fs')
const path = require('path')
const { Apps, install, named, pairs, temporary } = require('./helpers/apps')

/** Names of files, and their sizes. */
const FILES = { 'empty.txt': 0, 'small.txt': 100, 'deep/er/large.bin': 5 * 1024 * 1024 }

install()

for (const pair of pairs) {
  test(`a drive is mirrored: ${named(pair)}`, { timeout: 120_000 }, async t => {
    const apps = await Apps.start(t)
    const folder = temporary(t)
    const [from, to] = ['from', 'to'].map(name => path.join(folder, name))
    for (const [name, size] of Object.entries(FILES)) {
      const file = path.join(from, name)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, crypto.randomBytes(size))
    }

    const here = (...args) => drives(apps, pair.server, path.join(folder, 'here'), args)
    const there = (...args) => drives(apps, pair.client, path.join(folder, 'there'), args)

    const touch = await here('touch')
    const [, key] = await touch.prints(/New drive: .*?(\w{52})/)
    await touch.exited
    await done(t, await here('mirror', from, key))
    const seed = await here('seed', key)
    await seed.prints(/Announced/)

    const download = await there('download', key)
    await Promise.all(
      [/finished for files/, /finished for blobs/].map(text => download.prints(text))
    )
    await download.stop()
    await done(t, await there('mirror', key, to))
    for (const name of Object.keys(FILES)) {
      const [sent, received] = [from, to].map(folder => fs.readFileSync(path.join(folder, name)))
      t.ok(received.equals(sent), name)
    }
  })
}

function drives(apps, implementation, storage, args) {
  const flags = ['--storage', storage]
  const env = { HOME: storage }
  return apps.command('drives/bin.js', implementation, [...args, ...flags], { env })
}

async function done(t, app) {
  await app.prints(/Total files: 3/)
  t.is((await app.exited).code, 0)
}
