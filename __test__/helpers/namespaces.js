// Hosts in network namespaces of their own, with cables to the namespace of this process, which is
// their router.

const Child = require('./child')
const { childProcess, runtime } = require('./runtime')

/** Runs `ip`. */
exports.ip = function ip(...args) {
  run('ip', args)
}

/** Runs a command in the namespace of a host. */
exports.inside = function inside(host, line) {
  run('nsenter', ['--target', String(host.pid), '--net', ...line.split(' ')])
}

/** Forwards the packets of hosts, whichever way they come. */
exports.startRouter = function startRouter() {
  exports.ip('link', 'set', 'lo', 'up')
  const zero = ['all', 'default'].map(name => `net.ipv4.conf.${name}.rp_filter=0`)
  run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', ...zero])
}

/**
 * A process on a host, at 10.N.0.2 in each of the networks. The router is 10.N.0.1.
 *
 * @param {string} role
 * @param {string} implementation
 * @param {number[]} networks
 */
exports.host = async function host(role, implementation, networks) {
  const child = await Child.spawn({ role, implementation, runtime, under: ['unshare', '--net'] })
  exports.inside(child, 'ip link set lo up')
  for (const number of networks) {
    const [near, far] = [`near${number}`, `far${number}`]
    exports.ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far)
    exports.ip('link', 'set', far, 'netns', String(child.pid))
    exports.ip('addr', 'add', `10.${number}.0.1/24`, 'dev', near)
    exports.ip('link', 'set', near, 'up')
    exports.inside(child, `ip addr add 10.${number}.0.2/24 dev ${far}`)
    exports.inside(child, `ip link set ${far} up`)
  }
  return child
}

function run(command, args) {
  const { status, stderr } = childProcess.spawnSync(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}
