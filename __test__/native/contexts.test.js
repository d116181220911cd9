// The asynchronous contexts of connections when listeners throw.

const test = require('brittle')
const b4a = require('b4a')
const EventRouter = require('../../lib/native/event-router')
const Table = require('../../lib/native/table')
const { message, start } = require('../helpers/made-up-engine')
const { isBare } = require('../helpers/runtime')

test('an exception of one connection gives its context to no other', { skip: isBare }, async t => {
  const { AsyncLocalStorage } = require('async_hooks')
  const storage = new AsyncLocalStorage()
  const uncaught = () => {}
  process.on('uncaughtException', uncaught)
  t.teardown(() => process.off('uncaughtException', uncaught))

  const connections = new Table()
  const seen = []
  for (const conn of [1, 2]) {
    const onmessage = data => {
      const text = b4a.toString(data)
      seen.push([conn, text, storage.getStore()])
      storage.enterWith(`of ${conn}`)
      if (text === 'throws') throw new Error('a listener')
    }
    connections.set(conn, { context: null, onmessage })
  }
  const router = new EventRouter({ connections, stats: { follow() {} } }, {})
  const all = [1, 2].flatMap(conn => [message('throws', conn), message('next', conn)])
  const call = start(router, [all])
  for (let i = 0; i < 4; i++) await call()

  t.is(seen.length, 4)
  t.alike(
    seen.filter(([conn, , store]) => store !== undefined && store !== `of ${conn}`),
    [],
    'what another one has entered'
  )
})
