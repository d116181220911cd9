/**
 * Explains why there is no addon for this machine, and how to get one.
 *
 * @param {Error & { code?: string }} err of the loader: it lists the files that it tried
 * @returns {Error & { code?: string }} with the loader's code, and its error as `cause`
 */
module.exports = function addonError(err) {
  const host = currentHost()
  const present = HOSTS.filter(hasAddon)
  const problem = present.includes(host)
    ? `the addon for ${host} cannot be loaded: ${reason(err)}`
    : `there is no addon for ${host}`

  const lines = [
    `hyperdht-native: ${problem}.`,
    `This package has addons for: ${present.join(', ') || 'no platform'}.`,
    `To build one, run 'npm run build' in a clone of hyperdht-native. It needs cargo, from https://rustup.rs, and makes ${addon(host)}.`
  ]
  const explained = new Error(lines.join('\n'), { cause: err })
  explained.code = err.code
  return explained
}

/** The platforms that a package may have addons for, as require-addon names them. */
const HOSTS = ['linux', 'darwin', 'win32', 'android', 'ios'].flatMap(platform =>
  ['x64', 'arm64', 'arm', 'ia32'].flatMap(arch =>
    platform === 'linux' ? [`linux-${arch}`, `linux-${arch}-musl`] : [`${platform}-${arch}`]
  )
)

// Linux without glibc has musl.
function currentHost() {
  if (typeof Bare !== 'undefined') return Bare.Addon.host
  const glibc = process.report?.getReport().header.glibcVersionRuntime
  const musl = process.platform === 'linux' && !glibc
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`
}

// Uses `require.resolve`, because Bare has no built-in `fs`.
function hasAddon(host) {
  try {
    return !!require.resolve(`../../${addon(host)}`)
  } catch {
    return false
  }
}

function addon(host) {
  return `prebuilds/${host}/hyperdht-native.node`
}

/** The message of the system, which the loaders' errors have as their innermost cause. */
function reason(err) {
  return err.cause ? reason(err.cause) : err.message
}
