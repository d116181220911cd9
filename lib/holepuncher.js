/**
 * The functions of the reference's puncher that programs call. Nobody can make a puncher: the core
 * punches.
 */
module.exports = class Holepuncher {
  constructor() {
    throw new Error('A node makes its punchers: only the static functions can be called')
  }

  /** Sends a probe, which a puncher at that address answers. */
  static ping(socket, { host, port }) {
    return socket.send(PROBE, port, host, TTL)
  }

  /**
   * The addresses at which hosts of our networks reach a socket.
   *
   * @param {object} socket with `address()` and `udx`
   * @returns {Array<{ host: string, port: number }>}
   */
  static localAddresses(socket) {
    const { host, port } = socket.address()
    if (host === LOOPBACK) return [{ host, port }]
    const external = socket.udx.networkInterfaces().filter(n => n.family === 4 && !n.internal)
    const hosts = external.length > 0 ? external.map(n => n.host) : [LOOPBACK]
    return hosts.map(each => ({ host: each, port }))
  }

  /**
   * The remote address that is most likely in one of our networks: the first that has three bytes
   * in common with one of ours, else two, else one. Null if there is none.
   *
   * @template {{ host: string }} T
   * @param {Array<{ host: string }>} localAddresses
   * @param {T[]} remoteAddresses
   * @returns {T | null}
   */
  static matchAddress(localAddresses, remoteAddresses) {
    let best = null
    let most = 0
    for (const local of localAddresses) {
      for (const remote of remoteAddresses) {
        const common = commonBytes(local.host, remote.host)
        if (common >= 3) return remote
        if (common <= most) continue
        most = common
        best = remote
      }
    }
    return best
  }
}

const PROBE = new Uint8Array([0])
const TTL = 64
const LOOPBACK = '127.0.0.1'

function commonBytes(a, b) {
  const ours = a.split('.')
  const theirs = b.split('.')
  const differing = ours.findIndex((byte, i) => byte !== theirs[i])
  return differing === -1 ? ours.length : differing
}
