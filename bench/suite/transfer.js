// A transfer between two processes, and what it cost them.

const { ends } = require('./options')
const Peer = require('./peer')

const GIB = 2 ** 30

/**
 * One transfer in fresh processes.
 *
 * @param {string} side `client:server`
 * @param {number} most the bytes of a direction; with a `share`, that part of them
 * @param {{ size?: number, connections?: number, direction?: string, share?: number, warmup?: number
 *   }} load the client writes ('up', the default), the server ('down'), or both ('both'); the
 *   `warmup`, in bytes like `most`, is transferred before, and does not count
 */
module.exports = async function transfer(side, most, load, context) {
  const { size = 64 * 1024, connections = 1, direction = 'up', share = 1, warmup = 0 } = load
  const bootstrap = await context.bootstrap()
  const messages = bytes => Math.ceil((bytes * share) / size / connections)
  const [up, down] = ways(direction, messages(most))
  const [upBefore, downBefore] = ways(direction, messages(warmup))
  const common = { bootstrap, connections, size }

  const { client, server } = ends(side)
  const serving = new Peer('bulkServer', server, {
    ...common,
    writes: down,
    reads: up,
    warmup: { writes: downBefore, reads: upBefore }
  })
  const { key } = await serving.message()
  const calling = new Peer('bulkClient', client, {
    ...common,
    key,
    writes: up,
    reads: down,
    warmup: { writes: upBefore, reads: downBefore }
  })
  await Promise.all([serving.message(), calling.message()])

  const answers = await Promise.all([serving.ask('start'), calling.ask('start')])
  const [served, called] = await Promise.all([serving.ask('stop'), calling.ask('stop')])
  for (const peer of [calling, serving]) await peer.end()

  const seconds = Math.max(...answers.map(answer => answer.seconds))
  const moved = (up + down) * connections
  const perGib = GIB / (moved * size)
  return {
    rate: (moved * size) / 1e6 / seconds,
    messages: size < 64 * 1024 ? moved / 1e3 / seconds : null,
    clientCpu: called.cpu * perGib,
    serverCpu: served.cpu * perGib,
    clientMemory: called.memory,
    serverMemory: served.memory,
    clientLate: called.late,
    serverLate: served.late
  }
}

/** The messages of the client, and those of the server. */
function ways(direction, messages) {
  return [direction === 'down' ? 0 : messages, direction === 'up' ? 0 : messages]
}
