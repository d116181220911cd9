/**
 * Lets the core tell of nodes that enter and leave the routing table only while somebody listens.
 * It tells from the start, so that whoever listens in the turn that makes the node misses none.
 *
 * @param {import('./rpc')} dht
 */
module.exports = function watchTable(dht) {
  let watching = true
  const listeners = () => NAMES.reduce((n, name) => n + dht.listenerCount(name), 0)
  const watch = wanted => {
    if (wanted === watching) return
    watching = wanted
    dht._native?.command('watchTable', { watch: wanted })
  }

  dht.on('newListener', name => NAMES.includes(name) && watch(true))
  dht.on('removeListener', name => NAMES.includes(name) && watch(listeners() > 0))
  queueMicrotask(() => watch(listeners() > 0))
}

const NAMES = ['add-node', 'remove-node']
