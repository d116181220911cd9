// Runs a command to its end.

const b4a = require('b4a')
const { childProcess, process } = require('./runtime')

/**
 * Resolves with { code, signal, stdout, stderr } when the command has exited and all of its output
 * has arrived.
 *
 * @param {string[]} command
 * @param {object} [options]
 * @param {object} [options.env] variables beside those of this process
 * @param {number} [options.timeout] milliseconds after which the command is killed
 * @param {string} [options.cwd]
 * @param {boolean} [options.shell]
 */
module.exports = async function run([command, ...args], options = {}) {
  const { env = {}, timeout = 20_000, ...rest } = options
  const child = childProcess.spawn(command, args, {
    ...rest,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env }
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
  const exited = new Promise(resolve => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  const [end, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  clearTimeout(timer)
  return { ...end, stdout, stderr }
}

function text(stream) {
  const chunks = []
  stream.on('data', chunk => chunks.push(chunk))
  return new Promise(resolve => {
    stream.on('close', () => resolve(b4a.toString(b4a.concat(chunks))))
  })
}
