// The client of roaming.js: connects, reads, and moves to another address in the middle.

const b4a = require('b4a')
const { childProcess, process } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const JsonLines = require('../helpers/json-lines')

const BEFORE = '10.77.0.2/24'
const AFTER = '10.77.0.3/24'

const lines = new JsonLines(process.stdin, process.stdout, start)
lines.send({ ready: true })

async function start({ publicKey, bootstrap, messages }) {
  ip('link', 'set', 'lo', 'up')
  ip('addr', 'add', BEFORE, 'dev', 'far')
  ip('link', 'set', 'far', 'up')
  const dht = new DHT({ bootstrap })
  const stream = dht.connect(b4a.from(publicKey, 'hex'))
  const got = []
  let gap = 0
  let last = 0
  let movedAt = 0
  const end = error => {
    const after = Date.now() - movedAt
    lines.send({ got, gap, error, after })
    dht.destroy({ force: true })
  }
  stream.on('error', error => end(error.code))
  stream.on('data', data => {
    const now = Date.now()
    if (last !== 0) gap = Math.max(gap, now - last)
    last = now
    got.push(Number(b4a.toString(data)))
    if (got.length === messages >> 1) {
      ip('addr', 'del', BEFORE, 'dev', 'far')
      ip('addr', 'add', AFTER, 'dev', 'far')
      movedAt = Date.now()
    }
    if (got.length === messages) end(null)
  })
}

function ip(...args) {
  const { status, stderr } = childProcess.spawnSync('ip', args)
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
