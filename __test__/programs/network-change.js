// A node in a network namespace. An interface gets another address, and loses it again. Prints a
// line of JSON for each event about it.

const { childProcess } = require('../helpers/runtime')
const { DHT } = require('../helpers/implementation')
const { once } = require('../helpers/fixtures')

const ADDRESS = '10.9.8.7'

main()

async function main() {
  ip('link', 'set', 'lo', 'up')
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
  await dht.fullyBootstrapped()
  dht.on('network-change', interfaces => print('network-change', interfaces))
  dht.on('network-update', () => print('network-update', null))

  for (const verb of ['add', 'del']) {
    const update = once(dht, 'network-update')
    ip('addr', verb, `${ADDRESS}/24`, 'dev', 'lo')
    await update
  }
  await dht.destroy()
}

function ip(...args) {
  const { status, stderr } = childProcess.spawnSync('ip', args)
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}

function print(event, interfaces) {
  console.log(JSON.stringify({ event, interfaces }))
}
