/**
 * Has the core report the nodes that enter and leave the routing table only while the program
 * listens. It reports from the start: a listener that is added in the turn that creates the node
 * gets every event.
 *
 * @param {import('./rpc')} dht
 * @param {import('../native/native')} native
 */
module.exports = function watchTable(dht, native) {
  let watching = true
  const listeners = () => NAMES.reduce((n, name) => n + dht.listenerCount(name), 0)
  const watch = wanted => {
    if (wanted === watching) return
    watching = wanted
    native.command('watchTable', { watch: wanted })
  }

  dht.on('newListener', name => NAMES.includes(name) && watch(true))
  dht.on('removeListener', name => NAMES.includes(name) && watch(listeners() > 0))
  queueMicrotask(() => watch(listeners() > 0))
}

const NAMES = ['add-node', 'remove-node']
