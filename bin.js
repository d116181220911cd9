#!/usr/bin/env node

const HyperDHT = require('.')
const { HELP, parse } = require('./lib/cli/flags')
const keyPairOf = require('./lib/cli/key-file')
const { version } = require('./package.json')

const DEFAULT_PORT = 49737

const SIGNALS = ['SIGINT', 'SIGTERM']

main().catch(fail)

async function main() {
  const { help, version: onlyVersion, mode, ...options } = parse(process.argv.slice(2))
  if (help) return process.stdout.write(HELP)
  if (onlyVersion) return console.log(`hyperdht-native ${version}`)
  if (mode === 'bootstrap') return startBootstrapNode(options)
  if (mode === 'relay') return startRelay(options)
  return startNodes(options)
}

async function startBootstrapNode({ port, host }) {
  console.log('Starting DHT bootstrap node...')

  const node = HyperDHT.bootstrapper(port || DEFAULT_PORT, host)
  node.on('close', () => console.log('Bootstrap node closed'))
  const stopping = onstop(() => node.destroy())

  if (!(await started(node, stopping))) return

  console.log('Bootstrap node bound to', node.address())
  console.log('Fully started Hyperswarm DHT bootstrap node')
}

async function startNodes({ nodes, port, host, bootstrap }) {
  console.log('Booting DHT nodes...')

  const all = []
  const stopping = onstop(() => {
    console.log('Shutting down nodes...')
    for (const node of all) node.destroy()
  })

  while (all.length < nodes) {
    const node = new HyperDHT({ host, port, anyPort: !port, bootstrap })
    const id = all.push(node) - 1
    node.on('close', () => console.log('Node #' + id + ' closed'))

    if (!(await started(node, stopping))) return
    tell(node, id)
  }

  console.log('Fully started ' + nodes + ' Hyperswarm DHT node' + (nodes === 1 ? '' : 's'))
}

async function startRelay({ port, host, bootstrap, keyFile, maxPairings, maxRate }) {
  const keyPair = keyPairOf(keyFile)
  console.log('Starting blind relay...')

  const node = new HyperDHT({ host, port, anyPort: !port, bootstrap })
  node.on('close', () => console.log('Relay closed'))
  const stopping = onstop(() => node.destroy())
  if (!(await started(node, stopping))) return

  const relay = node.createRelay({ maxPairings, maxBytesPerSecond: maxRate })
  try {
    await relay.listen(keyPair)
  } catch (err) {
    if (!stopping()) throw err
    return
  }
  console.log('Relay bound to', node.address())
  console.log('Relay public key:', relay.publicKey.toString('hex'))
}

/** Waits until a node is ready. Resolves with false if it is stopped before. */
async function started(node, stopping) {
  try {
    await node.ready()
  } catch (err) {
    if (!stopping()) throw err
  }
  return !stopping()
}

function tell(node, id) {
  console.log('Node #' + id + ' bound to', node.address())

  node.on('ephemeral', () => {
    console.log('Node #' + id + ' is ephemeral', node.address())
  })

  node.on('persistent', () => {
    console.log('Node #' + id + ' is persistent, joining remote routing tables', node.address())
  })
}

/**
 * Calls `stop` at the first SIGINT or SIGTERM. The process ends when its nodes have closed. A
 * second signal ends the process at once.
 *
 * @returns {() => boolean} whether it was called
 */
function onstop(stop) {
  let stopped = false
  for (const signal of SIGNALS) process.once(signal, onsignal)
  return () => stopped

  function onsignal() {
    stopped = true
    for (const signal of SIGNALS) process.removeListener(signal, onsignal)
    stop()
  }
}

function fail(err) {
  console.error('hyperdht: ' + err.message)
  if (err.code === 'EMFILE') console.error('Each node has two sockets: raise the limit (ulimit -n)')
  process.exit(1)
}
