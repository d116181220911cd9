// Runs a file of ../programs in a process of its own, in the runtime of the caller.

const b4a = require('b4a')
const { childProcess, path, process } = require('./runtime')

/**
 * Resolves with { code, signal, lines } when the program exits; kills it after `timeout` ms.
 * `under` is a command that runs the program.
 */
module.exports = function runProgram(name, options = {}) {
  const { args = [], runtimeArgs = [], env = {}, timeout = 20_000, under = [] } = options
  const file = path.join(__dirname, '..', 'programs', name + '.js')
  const [command, ...rest] = [...under, process.execPath, ...runtimeArgs, file, ...args]
  const child = childProcess.spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env }
  })
  const stdout = []
  const stderr = []
  child.stdout.on('data', chunk => stdout.push(chunk))
  child.stderr.on('data', chunk => stderr.push(chunk))
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout)

  return new Promise(resolve => {
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      // The pipes may still hold output at 'exit'.
      setTimeout(() => resolve({ code, signal, lines: lines(stdout), stderr: text(stderr) }), 100)
    })
  })
}

function lines(chunks) {
  return text(chunks)
    .split('\n')
    .filter(line => line !== '')
}

function text(chunks) {
  return b4a.toString(b4a.concat(chunks))
}
