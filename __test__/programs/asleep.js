// A suspended node keeps the process alive only while a call is pending.

const { DHT } = require('../helpers/implementation')

main()

async function main() {
  const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })
  await dht.createServer().listen()
  await dht.suspend()
  const err = await dht.ping({ host: '127.0.0.1', port: 9 }, { retry: false }).catch(err => err)
  console.log(err.code)
  await dht.resume()
  console.log('awake')
  await dht.suspend()
  console.log('suspended')
}
