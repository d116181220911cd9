// A network namespace of a program's own, whose interfaces it may change.

const { childProcess } = require('./runtime')

/** Runs a program in one. */
exports.command = ['unshare', '--map-root-user', '--net']

/** Whether this system and this user can have one: Linux, mostly. */
exports.isAvailable = function isAvailable() {
  const [command, ...args] = [...exports.command, 'ip', 'link']
  try {
    return childProcess.spawnSync(command, args).status === 0
  } catch {
    return false
  }
}
