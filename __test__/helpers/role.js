// The child's half of the process harness: serves named methods over stdin and stdout.

const { process } = require('./runtime')
const JsonLines = require('./json-lines')

/** Serves `methods`; returns a function that sends an event to the parent. */
module.exports = function serve(methods) {
  const lines = new JsonLines(process.stdin, process.stdout, onmessage)

  process.stdin.on('end', () => process.exit(0))
  lines.send({ event: 'ready' })

  return (event, data) => lines.send({ event, data })

  async function onmessage({ id, method, params }) {
    try {
      const result = await methods[method](params)
      lines.send({ id, result: result === undefined ? null : result })
    } catch (err) {
      lines.send({ id, error: { message: String(err.message), code: err.code, stack: err.stack } })
    }
  }
}
