// `new DHT()` alone keeps the process alive: the timer below does not. It ends after destroy().

const { DHT } = require('../helpers/implementation')

const dht = new DHT({ bootstrap: [], host: '127.0.0.1' })

setTimeout(() => {
  console.log('alive')
  dht.destroy().then(() => console.log('destroyed'))
}, 1500).unref()
