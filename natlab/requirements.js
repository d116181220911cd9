// What a laboratory needs of the system.

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')

/**
 * What is missing here, with the way to get it; null when a laboratory can be built.
 *
 * @returns {string | null}
 */
exports.missing = function missing() {
  if (process.platform !== 'linux') return 'it needs the network namespaces of Linux'
  if (process.getuid() !== 0) return 'it needs root'
  for (const [command, ...args] of TOOLS) {
    if (spawnSync(command, args, { stdio: 'ignore' }).error) {
      return `the command ${command} is missing (apt-get install nftables iproute2)`
    }
  }
  if (!fs.existsSync('/dev/net/tun')) return '/dev/net/tun is missing'
  if (!namespaceWithNat()) return 'this kernel or container allows no namespace with nftables NAT'
  if (!hasProgram() && spawnSync('cargo', ['--version']).error) {
    return 'cargo is missing, which builds natlab/internet'
  }
  return null
}

/** Builds the program natlab/internet, and returns its path. */
exports.buildInternet = function buildInternet() {
  const where = ['--manifest-path', MANIFEST, '--target-dir', TARGET]
  const args = ['build', '--quiet', '--release', '--locked', ...where]
  const { status } = spawnSync('cargo', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0 && !hasProgram()) throw new Error('cargo did not build natlab/internet')
  return PROGRAM
}

function hasProgram() {
  return fs.existsSync(PROGRAM)
}

/** A container may have the tools, and not the right to use them. */
function namespaceWithNat() {
  const rules = 'table ip nat { chain c { type nat hook postrouting priority 100; masquerade; }; }'
  return spawnSync('unshare', ['--net', 'nft', rules], { stdio: 'ignore' }).status === 0
}

const TOOLS = [
  ['ip', '-V'],
  ['nft', '-v'],
  ['sysctl', '-V'],
  ['unshare', '-V']
]

const MANIFEST = path.join(__dirname, 'internet/Cargo.toml')
/** The environment may name another one. */
const TARGET = path.join(__dirname, 'internet/target')
const PROGRAM = path.join(TARGET, 'release/natlab-internet')
